import type { HashAlgorithm } from "@datamaestro/dataset"
import type { CachePart } from "../store/cache-part.ts"
import { hashOpenFile } from "../verify/hash-file.ts"
import { StreamHasher, type Digests } from "../verify/stream-hasher.ts"

/** The digests of a part: while its bytes stream, or by reading again what was there before. */
export class PartHasher {
  readonly #algorithms: ReadonlySet<HashAlgorithm>
  #hasher: StreamHasher

  /** SHA-256 is always among them. */
  constructor(algorithms: Iterable<HashAlgorithm>) {
    this.#algorithms = new Set<HashAlgorithm>(["sha256", ...algorithms])
    this.#hasher = new StreamHasher(this.#algorithms)
  }

  update(chunk: Uint8Array): void {
    this.#hasher.update(chunk)
  }

  /** For a part that starts over. */
  reset(): void {
    this.#hasher = new StreamHasher(this.#algorithms)
  }

  /** Brings it to the part's bytes: nothing to do while streaming, a pass over the file after a claim or a cut. */
  async follow(part: CachePart, signal: AbortSignal, onBytes: (bytes: number) => void): Promise<void> {
    if (this.#hasher.bytes === part.bytes) return
    this.reset()
    await hashOpenFile(part.file, this.#hasher, part.bytes, { signal, onBytes })
  }

  digests(): Digests {
    return this.#hasher.digests()
  }
}
