import { open, type FileHandle } from "node:fs/promises"
import type { HashAlgorithm } from "@datamaestro/dataset"
import { StreamHasher, type Digests } from "../verify/stream-hasher.ts"

/** After so many bytes they are put onto the disk beside the writing, so that its end does not wait for all. */
const WRITE_BACK_BYTES = 32 * 1024 * 1024

/** A new file that is hashed while it is written. */
export class OutputFile {
  readonly #file: FileHandle
  readonly #hasher: StreamHasher
  #behind = 0
  #writeBack: Promise<void> | undefined
  #failure: { error: unknown } | undefined

  private constructor(file: FileHandle, algorithms: readonly HashAlgorithm[]) {
    this.#file = file
    this.#hasher = new StreamHasher(algorithms)
  }

  static async create(path: string, algorithms: readonly HashAlgorithm[]): Promise<OutputFile> {
    return new OutputFile(await open(path, "wx"), algorithms)
  }

  /** The chunk is not looked at any more once this is fulfilled. */
  async write(chunk: Buffer): Promise<void> {
    // Another thread writes while this one hashes.
    const writing = this.#writeAll(chunk)
    // Awaited below; hashing must not turn a failed write into an unhandled one.
    writing.catch(() => {})
    this.#hasher.update(chunk)
    await writing
    this.#behind += chunk.length
    if (this.#behind >= WRITE_BACK_BYTES && this.#writeBack === undefined) this.#startWriteBack()
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Puts all of it onto the disk. */
  async sync(): Promise<{ bytes: number; digests: Digests }> {
    await this.#writeBack
    if (this.#failure !== undefined) throw this.#failure.error
    await this.#file.sync()
    return { bytes: this.#hasher.bytes, digests: this.#hasher.digests() }
  }

  async close(): Promise<void> {
    // The descriptor is in use.
    await this.#writeBack
    await this.#file.close()
  }

  async #writeAll(chunk: Buffer): Promise<void> {
    for (let offset = 0; offset < chunk.length;) offset += (await this.#file.write(chunk, offset)).bytesWritten
  }

  #startWriteBack(): void {
    this.#behind = 0
    this.#writeBack = this.#file
      .datasync()
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .then(() => void (this.#writeBack = undefined))
  }
}
