import { open, type FileHandle } from "node:fs/promises"
import type { HashAlgorithm } from "@datamaestro/dataset"
import type { PlainSum } from "../compression/decompress.ts"
import { StreamHasher, type Digests } from "../verify/stream-hasher.ts"
import { syncOpenFile } from "../store/sync-open-file.ts"

/** After so many bytes they are put onto the disk beside the writing, so that its end does not wait for all. */
const WRITE_BACK_BYTES = 32 * 1024 * 1024

/** A new file that is hashed while it is written. */
export class OutputFile {
  readonly #file: FileHandle
  readonly #algorithms: readonly HashAlgorithm[]
  readonly #sum: PlainSum | undefined
  #hasher: StreamHasher | undefined
  #behind = 0
  #writeBack: Promise<void> | undefined
  #failure: { error: unknown } | undefined

  private constructor(file: FileHandle, algorithms: readonly HashAlgorithm[], sum: PlainSum | undefined) {
    this.#file = file
    this.#algorithms = algorithms
    this.#sum = sum
  }

  /** @param sum of all that will be written, where it turns out to be promised by the first write */
  static async create(path: string, algorithms: readonly HashAlgorithm[], sum?: PlainSum): Promise<OutputFile> {
    return new OutputFile(await open(path, "wx"), algorithms, sum)
  }

  /** The chunk is not looked at any more once this is fulfilled. */
  async write(chunk: Buffer): Promise<void> {
    // Another thread writes while this one hashes.
    const writing = this.#writeAll(chunk)
    // Awaited below; hashing must not turn a failed write into an unhandled one.
    writing.catch(() => {})
    this.#hash().update(chunk)
    await writing
    this.#behind += chunk.length
    if (this.#behind >= WRITE_BACK_BYTES && this.#writeBack === undefined) this.#startWriteBack()
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Puts all of it onto the disk. */
  async sync(): Promise<{ bytes: number; digests: Digests }> {
    await this.#writeBack
    if (this.#failure !== undefined) throw this.#failure.error
    await syncOpenFile(this.#file)
    const hasher = this.#hash()
    const { sha256 } = this.#sum ?? {}
    return { bytes: hasher.bytes, digests: { ...hasher.digests(), ...(sha256 === undefined ? {} : { sha256 }) } }
  }

  async close(): Promise<void> {
    // The descriptor is in use.
    await this.#writeBack
    await this.#file.close()
  }

  #hash(): StreamHasher {
    const promised = this.#sum?.promised === true
    return (this.#hasher ??= new StreamHasher(this.#algorithms.filter((each) => !promised || each !== "sha256")))
  }

  async #writeAll(chunk: Buffer): Promise<void> {
    for (let offset = 0; offset < chunk.length;) offset += (await this.#file.write(chunk, offset)).bytesWritten
  }

  #startWriteBack(): void {
    this.#behind = 0
    this.#writeBack = syncOpenFile(this.#file, "datasync")
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .then(() => void (this.#writeBack = undefined))
  }
}
