import { expect } from "chai"
import { randomBytes } from "node:crypto"
import { BodyReader } from "../../../packages/agent/src/fetch/body-reader.ts"
import { openExchange } from "../../../packages/agent/src/fetch/exchange.ts"
import { FETCH_TUNING } from "../../../packages/agent/src/fetch/fetch-types.ts"
import { receive } from "../../../packages/agent/src/fetch/receive.ts"
import { newSpan } from "../../../packages/agent/src/fetch/span.ts"
import type { Attempt } from "../../../packages/agent/src/fetch/transfer-types.ts"
import { startOrigin, type Origin } from "../../helpers/origin.ts"

const MIB = 1024 * 1024
const content = randomBytes(16 * MIB)

describe("receive", () => {
  let origin: Origin
  before(async () => {
    origin = await startOrigin()
    origin.route("/file", { body: content })
    origin.route("/other", { body: Buffer.alloc(2 * MIB) })
  })
  after(() => origin.close())

  const open = (path: string) =>
    openExchange(origin.at(path), { environment: {}, tuning: FETCH_TUNING, signal: new AbortController().signal })

  /** Receives the file into a part that is written so. */
  async function receiveInto(write: (buffers: Buffer[], position: number) => Promise<void>): Promise<void> {
    const { body } = await open("/file")
    const job = {
      part: { path: "part", state: {}, write },
      hasher: { update: () => {}, advance: () => {} },
      availability: { ofPart: () => {} },
      tell: () => {},
    }
    await receive(job as unknown as Attempt, newSpan(0, content.length), [], new BodyReader(body))
  }

  it("leaves bytes that are being written alone, whatever other connections read meanwhile", async () => {
    const written = Buffer.alloc(content.length)
    await receiveInto(async (buffers, position) => {
      const other = await open("/other")
      for await (const _ of other.body) void _
      Buffer.concat(buffers).copy(written, position)
    })
    expect(written.equals(content)).to.equal(true)
  })

  it("gives the memory of written bytes back, to be read into again", async () => {
    const memory = new Set<ArrayBufferLike>()
    await receiveInto(async (buffers) => {
      for (const { buffer } of buffers) memory.add(buffer)
    })
    // Half of what it is when each 512 KiB are new.
    expect(memory.size).to.be.below(16)
  })
})
