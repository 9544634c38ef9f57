import { expect } from "chai"
import { Readable } from "node:stream"
import { CopyReader } from "../../../packages/agent/src/copy/copy-reader.ts"
import type { Relay } from "../../../packages/agent/src/fetch/way-out.ts"
import { rejection } from "../../helpers/rejection.ts"

describe("what another machine has of a dataset", () => {
  const dataset = { id: "org.example.thing", repository: "mine" }
  const { signal } = new AbortController()
  const reading = (answer: () => Promise<string>) => {
    const asked: string[] = []
    const relay = {
      request: async ({ url }: { url: string }) => {
        asked.push(url)
        return { body: Readable.from([Buffer.from(await answer())]) }
      },
    } as unknown as Relay
    return { asked, reader: new CopyReader(relay) }
  }

  it("is asked for once, and is nothing of what each machine makes itself", async () => {
    const data = { entries: ["a"], files: [], links: [], folders: [] }
    const { asked, reader } = reading(() => Promise.resolve(JSON.stringify({ resources: { data } })))
    expect(await reader.resource(dataset, "data", signal)).to.deep.equal(data)
    for (const name of ["links", "constructor"]) {
      expect(await reader.resource(dataset, name, signal)).to.equal(undefined)
    }
    expect(asked).to.deep.equal(["copy:org.example.thing%40mine"])
  })

  it("is asked for again where that failed, and told where it makes no sense", async () => {
    const answers = ["{", '{"resources": {"data": {"entries": "a"}}}', '{"resources": {}}']
    const { reader } = reading(() => Promise.resolve(answers.shift() ?? ""))
    for (const where of [/: Invalid JSON/i, /: resources\.data\.entries: /]) {
      const error = await rejection(reader.resource(dataset, "data", signal))
      expect(error).to.have.property("code", "PROTOCOL_MISMATCH")
      expect(error.message)
        .to.match(/^Cannot read what the other machine has of "org\.example\.thing@mine": /)
        .and.match(where)
      expect(error.hint).to.contain("datamaestro verify")
    }
    expect(await reader.resource(dataset, "data", signal)).to.equal(undefined)
  })
})
