import { copyAddress, DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { Readable } from "node:stream"
import { text } from "node:stream/consumers"
import { CopyReader } from "../../../packages/agent/src/copy/copy-reader.ts"
import type { Relay, RelayRequest } from "../../../packages/agent/src/fetch/way-out.ts"
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

  it("is told to be made anew over there, where it was changed", async () => {
    const fault = (code: string) => Object.assign(new Error('Cannot copy "/x": it has 2 bytes, wanted 1'), { code })
    const { reader } = reading(() => Promise.reject(fault("CORRUPT")))
    const error = await rejection(reader.resource(dataset, "data", signal))
    expect(error).to.include({ code: "CORRUPT", exitStatus: 5 })
    expect(error.hint).to.equal(
      "the fault is on the machine to copy from: prepare it anew there with --force, or copy from elsewhere",
    )
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

  it("is read as files that follow each other, from an offset on", async () => {
    const asked: unknown[] = []
    const relay = {
      request: ({ url, headers }: RelayRequest) => {
        asked.push([url, headers])
        return Promise.resolve({ body: Readable.from([Buffer.from("bytes")]) })
      },
    } as unknown as Relay
    const body = await new CopyReader(relay).files(dataset, ["a b", "sub/c"], 7, signal)
    expect(await text(body)).to.equal("bytes")
    expect(asked).to.deep.equal([[copyAddress("org.example.thing@mine", ["a b", "sub/c"]), { range: "bytes=7-" }]])
  })

  describe("is not to be had", () => {
    const failing = async (failure: unknown, ended = signal): Promise<unknown> => {
      const relay = { request: () => Promise.reject(failure as Error) } as unknown as Relay
      return await new CopyReader(relay).files(dataset, ["a"], 0, ended).catch((error: unknown) => error)
    }
    const coded = (code: string): Error => Object.assign(new Error("why"), { code })

    it("for the reason that the other machine has", async () => {
      expect(await failing(coded("NOT_PREPARED"))).to.include({ code: "NOT_PREPARED", message: "why" })
      expect(await failing(coded("ECONNRESET"))).to.include({ code: "UNEXPECTED", message: "why" })
      const own = new DatamaestroError("CONNECTION_LOST", "gone")
      expect(await failing(own)).to.equal(own)
    })

    it("while that is not connected: nothing is lost by that", async () => {
      const refused = await failing(coded("REFUSED"))
      expect(refused).to.have.property("code", "CONNECTION_LOST")
      expect(refused).to.have.property("hint").that.contains("datamaestro copy")
    })

    it("once nobody wants it any more", async () => {
      expect(await failing(coded("NOT_PREPARED"), AbortSignal.abort())).to.have.property("code", "INTERRUPTED")
    })
  })
})
