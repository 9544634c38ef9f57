import { expect } from "chai"
import { setImmediate as turn } from "node:timers/promises"
import { BodyReader } from "../../../packages/agent/src/fetch/body-reader.ts"
import { RelayClient } from "../../../packages/agent/src/relay/relay-client.ts"

const url = "http://example.org/file"
const failureOf = async (promise: Promise<unknown>): Promise<unknown> =>
  await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
const CUT = { code: "UND_ERR_SOCKET", message: "other side closed" }

describe("an answer through the controller that is cut", () => {
  let relay: RelayClient
  beforeEach(() => {
    relay = new RelayClient(() => {})
  })
  const request = (): ReturnType<RelayClient["request"]> =>
    relay.request({ url, method: "GET", headers: {}, signal: new AbortController().signal })
  const head = (): void => relay.receive("$/relay/head", { stream: 1, status: 200, headers: {} })
  const cut = (): void => relay.receive("$/relay/end", { stream: 1, failure: CUT })

  it("before its reader is there brings what came, and then why there is no more", async () => {
    const asked = request()
    head()
    relay.receiveBytes(1, Buffer.from("abc"))
    cut()
    const { body } = await asked
    await turn()
    const reader = new BodyReader(body)
    expect(Buffer.concat((await reader.next()) ?? []).toString()).to.equal("abc")
    expect(await failureOf(reader.next())).to.include(CUT)
  })

  it("before its first byte tells so to whoever reads it later", async () => {
    const asked = request()
    head()
    cut()
    const { body } = await asked
    await turn()
    expect(await failureOf(new BodyReader(body).next())).to.include(CUT)
  })

  it("while it is read tells so at once", async () => {
    const asked = request()
    head()
    const reader = new BodyReader((await asked).body)
    relay.receiveBytes(1, Buffer.from("abc"))
    await reader.next()
    const more = reader.next()
    await turn()
    cut()
    expect(await failureOf(more)).to.include(CUT)
  })

  it("before there is a head is no answer", async () => {
    const asked = request()
    cut()
    expect(await failureOf(asked)).to.include(CUT)
  })

  it("is read piece by piece to where it was cut", async () => {
    const asked = request()
    head()
    relay.receiveBytes(1, Buffer.from("abc"))
    relay.receiveBytes(1, Buffer.from("def"))
    cut()
    const pieces: string[] = []
    const reading = async (): Promise<void> => {
      for await (const piece of (await asked).body) pieces.push(String(piece))
    }
    expect(await failureOf(reading())).to.include(CUT)
    expect(pieces.join("")).to.equal("abcdef")
  })
})
