import { expect } from "chai"
import type { FileHandle } from "node:fs/promises"
import { PartContent } from "../../../packages/agent/src/store/part-content.ts"

/** A file that takes at most so many bytes in one call, as a disk does that is nearly full. */
class ShortFile {
  readonly content = Buffer.alloc(20, ".")
  readonly #most: number
  failure: Error | undefined

  constructor(most: number) {
    this.#most = most
  }

  write(from: Buffer, offset: number, length: number, position: number): Promise<{ bytesWritten: number }> {
    const bytesWritten = from.copy(this.content, position, offset, offset + Math.min(length, this.#most))
    return Promise.resolve({ bytesWritten })
  }

  writev(buffers: Uint8Array[], position: number): Promise<{ bytesWritten: number }> {
    const all = Buffer.concat(buffers)
    return this.write(all, 0, all.length, position)
  }

  datasync(): Promise<void> {
    return this.failure === undefined ? Promise.resolve() : Promise.reject(this.failure)
  }

  truncate(): Promise<void> {
    return Promise.resolve()
  }
}

describe("the content of an unfinished download", () => {
  const begin = (most: number, ranges: [number, number][] = []) => {
    const file = new ShortFile(most)
    return { file, content: new PartContent(file as unknown as FileHandle, ranges) }
  }
  const pieces = ["abc", "defg", "h"].map((text) => Buffer.from(text))

  it("is all that was given, each byte in its place, where the storage takes a little at a time", async () => {
    const { file, content } = begin(3)
    await content.write(pieces, 5)
    expect(file.content.toString()).to.equal(".....abcdefgh.......")
    expect(content).to.include({ bytes: 0, written: 8, end: 13, unsynced: 8, changed: true })
    expect(content.gaps(20)).to.deep.equal([
      [0, 5],
      [13, 20],
    ])
  })

  it("counts as on the disk once it was synced", async () => {
    const { content } = begin(100)
    await content.write(pieces, 0)
    expect(content.synced).to.deep.equal([])
    await content.sync()
    expect(content.synced).to.deep.equal([[0, 8]])
    expect(content).to.include({ unsynced: 0, changed: false })
  })

  it("takes nothing after a sync that failed, until what was not on the disk is given up", async () => {
    const { file, content } = begin(100, [[0, 4]])
    await content.write([Buffer.from("efgh")], 4)
    file.failure = new Error("EIO")
    const failed = (work: Promise<void>): Promise<unknown> => work.catch((error: Error) => error.message)
    expect(await failed(content.sync())).to.equal("EIO")
    expect(await failed(content.write([Buffer.from("i")], 8))).to.equal("EIO")
    await content.forgetUnsound()
    expect(content).to.include({ bytes: 4, epoch: 1 })
    file.failure = undefined
    await content.write([Buffer.from("e")], 4)
    expect(content.bytes).to.equal(5)
  })
})
