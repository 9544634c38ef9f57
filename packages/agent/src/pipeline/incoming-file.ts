import { DatamaestroError } from "@datamaestro/protocol"
import { open, type FileHandle } from "node:fs/promises"
import { removeFile } from "../store/remove-file.ts"
import { hashOpenFile } from "../verify/hash-file.ts"
import { StreamHasher } from "../verify/stream-hasher.ts"
import type { CopiedFile } from "./receive-files.ts"

/**
 * A large file that is on its way from another machine, under its own name, which may be as long as the file system lets it be:
 * one that is shorter than it should be is a beginning, and what is as long counts by its sum only.
 */
export class IncomingFile {
  readonly #path: string
  readonly #file: CopiedFile
  readonly #output: FileHandle
  readonly #hasher = new StreamHasher(["sha256"])

  private constructor(path: string, file: CopiedFile, output: FileHandle) {
    this.#path = path
    this.#file = file
    this.#output = output
  }

  /** @param have how many bytes of it an earlier run has brought */
  static async open(path: string, file: CopiedFile, have: number, signal: AbortSignal): Promise<IncomingFile> {
    const output = await open(path, have > 0 ? "a+" : "w")
    const incoming = new IncomingFile(path, file, output)
    try {
      if (have > 0) await hashOpenFile(output, incoming.#hasher, have, { signal })
      return incoming
    } catch (error) {
      await output.close()
      throw error
    }
  }

  /** How many bytes are still to come. */
  get left(): number {
    return this.#file.bytes - this.#hasher.bytes
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hasher.update(bytes)
    await this.#output.writeFile(bytes)
  }

  async close(): Promise<void> {
    await this.#output.close()
  }

  /**
   * Holds it, closed, against its sum; what is not as it should be goes.
   *
   * @param dataset as messages name it
   * @throws DatamaestroError CHECKSUM_MISMATCH
   */
  async verify(dataset: string): Promise<void> {
    try {
      requireSame(dataset, this.#file, this.#hasher.bytes, this.#hasher.digests().sha256)
    } catch (error) {
      await removeFile(this.#path)
      throw error
    }
  }
}

/**
 * @param dataset as messages name it
 * @throws DatamaestroError CHECKSUM_MISMATCH
 */
export function requireSame(dataset: string, file: CopiedFile, bytes: number, found: string | undefined): void {
  const { path, sha256: wanted } = file
  if (found === wanted && bytes === file.bytes) return
  const message = `Cannot copy "${path}" of "${dataset}": its SHA-256 is ${found}, wanted ${wanted}`
  throw new DatamaestroError("CHECKSUM_MISMATCH", message, {
    hint: "the file was changed where it is copied from: verify the dataset there, or prepare it here",
    details: { path, wanted, found },
  })
}
