import { setImmediate as turn } from "node:timers/promises"
import { ByteQueue } from "../bytes/byte-queue.ts"
import { corruptArchive, truncatedArchive, unsupportedCompression } from "./damaged-archive.ts"
import type { DecompressOptions } from "./decompress.ts"
import { frameHeader, HEADER_BYTES, isSkippable, plainHeader, type FrameHeader } from "./zstd-frame.ts"

const MAGIC_BYTES = 4
const BLOCK_HEADER_BYTES = 3
const CHECKSUM_BYTES = 4
const NOTHING = Buffer.alloc(0)
const SKIP_BYTES = 64 * 1024
/** RFC 8878, 3.1.1.2.4. */
const MOST_BLOCK_BYTES = 128 * 1024
/** What `zstd` takes without being asked. */
const MOST_WINDOW_BYTES = 128 * 1024 * 1024

async function loadLibrary() {
  const [{ Decompress }, { default: xxhash }] = await Promise.all([import("fzstd"), import("xxhash-wasm")])
  return { Decompress, hasher: await xxhash() }
}
let library: ReturnType<typeof loadLibrary> | undefined

/**
 * Decompresses zstd, all frames of a file of several. The library reads blocks and checks nothing; frames are read here,
 * and their declared size and checksum (XXH64) held against what came out. Memory: the window, 128 MiB at most.
 *
 * @throws DatamaestroError TRUNCATED, CORRUPT; UNSUPPORTED_FORMAT for larger windows and for dictionaries
 */
export async function* unzstdBytes(
  source: AsyncIterable<Uint8Array>,
  { archive, signal }: DecompressOptions,
): AsyncGenerator<Buffer> {
  const input = new ByteQueue(source)
  try {
    if (!(await input.fill(1))) throw truncatedArchive(archive, "it is empty")
    while (await input.fill(1)) {
      const frame = new Frame(input, archive, signal)
      yield* frame.bytes()
    }
  } finally {
    await input.close()
  }
}

class Frame {
  readonly #input: ByteQueue
  readonly #archive: string
  readonly #signal: AbortSignal

  constructor(input: ByteQueue, archive: string, signal: AbortSignal) {
    this.#input = input
    this.#archive = archive
    this.#signal = signal
  }

  async *bytes(): AsyncGenerator<Buffer> {
    const magic = await this.#require(MAGIC_BYTES)
    if (isSkippable(magic)) return await this.#skip()
    // Fewer bytes when the frame is short.
    await this.#input.fill(HEADER_BYTES)
    const header = frameHeader(this.#input.bytes)
    if (header === "truncated") throw this.#truncated()
    if (typeof header === "string") throw this.#corrupt(header)
    if (header.dictionary) throw unsupportedCompression(this.#archive, "it needs a dictionary")
    if (header.window > MOST_WINDOW_BYTES) {
      throw unsupportedCompression(this.#archive, "it needs more than 128 MiB of memory", "zstd")
    }
    yield* this.#blocks(header)
  }

  async *#blocks(header: FrameHeader): AsyncGenerator<Buffer> {
    const { Decompress, hasher } = await (library ??= loadLibrary())
    const hash = hasher.create64()
    let plain: Buffer[] = []
    const decompressor = new Decompress((chunk) => {
      plain.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    })
    let packed: Buffer = plainHeader(header)
    this.#input.skip(header.bytes)
    let total = 0
    for (let last = false; !last;) {
      const start = (await this.#require(BLOCK_HEADER_BYTES)).readUIntLE(0, BLOCK_HEADER_BYTES)
      last = (start & 1) === 1
      const [type, size] = [(start >>> 1) & 3, start >>> 3]
      if (type === 3 || size > Math.min(MOST_BLOCK_BYTES, header.window)) throw this.#corrupt("a block is malformed")
      const body = type === 1 ? 1 : size
      const block = await this.#require(BLOCK_HEADER_BYTES + body + (last && header.checksum ? CHECKSUM_BYTES : 0))
      packed = Buffer.concat([packed, block.subarray(0, BLOCK_HEADER_BYTES + body)])
      const declared = last && header.checksum ? block.readUInt32LE(BLOCK_HEADER_BYTES + body) : undefined
      this.#input.skip(block.length)
      this.#push(decompressor, packed, last, header)
      packed = NOTHING
      for (const chunk of plain) {
        total += chunk.length
        hash.update(chunk)
        if (chunk.length > 0) yield chunk
      }
      plain = []
      if (header.content !== undefined && (total > header.content || (last && total !== header.content))) {
        throw this.#corrupt("its size is not the declared one")
      }
      if (declared !== undefined && declared !== Number(hash.digest() & 0xffffffffn)) {
        throw this.#corrupt("its checksum does not match")
      }
      this.#signal.throwIfAborted()
      await turn()
    }
  }

  #push(
    decompressor: { push(chunk: Uint8Array, final?: boolean): void },
    packed: Uint8Array,
    last: boolean,
    header: FrameHeader,
  ): void {
    try {
      // The library skips the checksum, but waits for it.
      const end = last && header.checksum ? new Uint8Array(CHECKSUM_BYTES) : NOTHING
      decompressor.push(Buffer.concat([packed, end]), last)
    } catch (error) {
      throw this.#corrupt(error instanceof Error ? error.message : String(error), error)
    }
  }

  /** A frame of somebody's own data (RFC 8878, 3.1.2). */
  async #skip(): Promise<void> {
    const header = await this.#require(2 * MAGIC_BYTES)
    let left = header.readUInt32LE(MAGIC_BYTES)
    this.#input.skip(2 * MAGIC_BYTES)
    while (left > 0) {
      await this.#require(1)
      const count = Math.min(left, this.#input.bytes.length, SKIP_BYTES)
      this.#input.skip(count)
      left -= count
    }
  }

  /** The next bytes, still in the queue. */
  async #require(count: number): Promise<Buffer> {
    if (!(await this.#input.fill(count))) throw this.#truncated()
    return this.#input.bytes.subarray(0, count)
  }

  #truncated(): Error {
    return truncatedArchive(this.#archive, "the compressed data ends too early")
  }

  #corrupt(reason: string, cause?: unknown): Error {
    return corruptArchive(this.#archive, `the compressed data is damaged (${reason})`, { cause })
  }
}
