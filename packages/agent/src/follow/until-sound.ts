import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import { storageError } from "../store/storage-error.ts"
import { StaleBytes, type FollowedFile } from "./followed-file.ts"

export interface Attempts<T> {
  /** For errors of the storage: what is being done. */
  doing: string
  signal: AbortSignal
  make(): Promise<T>
  /** Removes what was made, whole or not. */
  undo(): Promise<void>
}

/**
 * Makes something of a download that may still come. What was made of a download that began anew is thrown away, and
 * it is made anew; it is done once the download is whole. After a failure nothing of it is left.
 *
 * @throws DatamaestroError what `make` throws; of the storage, as `storageError`; INTERRUPTED
 */
export async function untilSound<T>(file: FollowedFile, { doing, signal, make, undo }: Attempts<T>): Promise<T> {
  for (;;) {
    const { generation } = file
    try {
      const made = await make()
      // What is read may be satisfied before the last bytes; nothing is done before the download is.
      await file.whole()
      if (file.generation !== generation) throw new StaleBytes()
      return made
    } catch (error) {
      const told = storageError(error, doing)
      await undo()
      if (signal.aborted) throw interrupted()
      if (error instanceof StaleBytes) continue
      if (speaksOfBytes(error)) {
        // Of a download that fails its verification, that failure is what matters.
        await file.whole()
        if (file.generation !== generation) continue
      }
      throw told
    }
  }
}

function speaksOfBytes(error: unknown): boolean {
  const codes = [
    "CORRUPT",
    "TRUNCATED",
    "UNSAFE_ARCHIVE",
    "UNSUPPORTED_FORMAT",
    "CONTENT_MISMATCH",
    "BROKEN_DEFINITION",
  ]
  return error instanceof DatamaestroError && codes.includes(error.code)
}
