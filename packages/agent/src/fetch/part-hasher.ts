import type { HashAlgorithm } from "@datamaestro/dataset"
import { unlessAborted } from "@datamaestro/protocol"
import type { CachePart } from "../store/cache-part.ts"
import { FileFollower } from "../verify/file-follower.ts"
import { hashOpenFile } from "../verify/hash-file.ts"
import { StreamHasher, type Digests } from "../verify/stream-hasher.ts"

/** From here on a thread of its own pays, and the main one is free to receive. */
const THREAD_BYTES = 32 * 1024 * 1024
/** They hash more than a line brings, and each takes some 10 MiB: of more downloads at once the others are hashed as they stream. */
const MOST_THREADS = 2

let threads = 0

/**
 * The digests of a part. A small one is hashed as its bytes stream; a large one by a thread that reads what has been
 * written, so that neither receiving, nor what was there before, nor the order in which pieces come makes it wait.
 */
export class PartHasher {
  readonly #algorithms: ReadonlySet<HashAlgorithm>
  #stream: StreamHasher
  #follower: { thread: FileFollower; path: string; epoch: number } | undefined
  #final: { path: string; epoch: number; bytes: number; digests: Digests } | undefined
  #onBytes: (bytes: number) => void = () => {}
  readonly #closing = new Set<Promise<void>>()

  /** SHA-256 is always among them. */
  constructor(algorithms: Iterable<HashAlgorithm>) {
    this.#algorithms = new Set<HashAlgorithm>(["sha256", ...algorithms])
    this.#stream = new StreamHasher(this.#algorithms)
  }

  /** Bytes of the part, as they come. Those that don't follow the ones before are left to `follow`. */
  update(chunk: Uint8Array, position: number): void {
    if (this.#follower !== undefined) return
    if (position !== this.#stream.bytes) this.#stream = new StreamHasher(this.#algorithms)
    if (position === this.#stream.bytes) this.#stream.update(chunk)
  }

  /** To be called when the part has grown, or is about to, up to `expected` bytes if that is known. */
  advance(part: CachePart, expected = 0): void {
    if (!this.#follows(part)) {
      const stale = this.#follower !== undefined
      if (!stale && Math.max(part.bytes, expected) < THREAD_BYTES) return
      if (stale) this.reset()
      if (threads >= MOST_THREADS) return
      this.reset()
      threads++
      const thread = new FileFollower(part.path, this.#algorithms, (bytes) => this.#onBytes(bytes))
      this.#follower = { thread, path: part.path, epoch: part.epoch }
    }
    this.#follower?.thread.advance(part.bytes)
  }

  /** For a part that starts over. */
  reset(): void {
    this.#stream = new StreamHasher(this.#algorithms)
    this.#final = undefined
    if (this.#follower === undefined) return
    const closing = this.#follower.thread.close().finally(() => {
      threads--
      this.#closing.delete(closing)
    })
    this.#closing.add(closing)
    this.#follower = undefined
  }

  /** Brings the digests to all of the part's bytes: what streamed is there, the rest is read. */
  async follow(part: CachePart, signal: AbortSignal, onBytes: (bytes: number) => void): Promise<void> {
    const { path, epoch, bytes } = part
    if (this.#final?.path === path && this.#final.epoch === epoch && this.#final.bytes === bytes) return
    if (this.#follower === undefined && this.#stream.bytes === bytes) return
    this.#onBytes = onBytes
    this.advance(part)
    if (this.#follower !== undefined) {
      const finished = this.#follower.thread.finish(bytes).catch(() => undefined)
      const digests = await unlessAborted(finished, signal)
      this.reset()
      // A thread that failed (no memory, a reading error) only helped: below the file is read once more.
      if (digests !== undefined) this.#final = { path, epoch, bytes, digests }
      if (digests !== undefined) return
    }
    this.reset()
    await hashOpenFile(part.file, this.#stream, bytes, { signal, onBytes })
  }

  digests(): Digests {
    return this.#final?.digests ?? this.#stream.digests()
  }

  /** Ends its thread. */
  async close(): Promise<void> {
    this.reset()
    await Promise.all(this.#closing)
  }

  #follows({ path, epoch }: CachePart): boolean {
    return this.#follower?.path === path && this.#follower.epoch === epoch
  }
}
