import { expect } from "chai"
import { ByteQueue } from "../../../packages/agent/src/bytes/byte-queue.ts"

describe("bytes that are held until they are used", () => {
  let closed: number
  beforeEach(() => (closed = 0))

  const queue = (...chunks: string[]): ByteQueue => new ByteQueue(source(chunks))
  async function* source(chunks: readonly string[]): AsyncGenerator<Buffer> {
    try {
      for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk))
    } finally {
      closed++
    }
  }

  it("are so many as are asked for, however they come", async () => {
    const bytes = queue("a", "", "bcd", "ef")
    expect(await bytes.fill(2)).to.equal(true)
    expect(bytes.take(2).toString()).to.equal("ab")
    expect(bytes.bytes.toString()).to.equal("cd")
    expect(await bytes.fill(4)).to.equal(true)
    bytes.skip(1)
    expect(bytes.bytes.toString()).to.equal("def")
  })

  it("are no more than are wanted: the rest stays where it is", async () => {
    const bytes = queue("ab", "cd")
    await bytes.fill(2)
    expect(bytes.bytes.toString()).to.equal("ab")
  })

  it("are what there is where the stream ends before", async () => {
    const bytes = queue("ab", "c")
    for (let again = 0; again < 2; again++) {
      expect(await bytes.fill(4)).to.equal(false)
      expect(bytes.bytes.toString()).to.equal("abc")
    }
    expect(bytes.take(4).toString()).to.equal("abc")
    expect(await bytes.fill(0)).to.equal(true)
  })

  it("let go of the stream", async () => {
    const bytes = queue("ab", "c")
    await bytes.fill(1)
    await bytes.close()
    expect(closed).to.equal(1)
  })
})
