import { syncFileSystem } from "../store/sync-file-system.ts"

/** So much is put onto the disk at a time: each time the journal is committed, and meanwhile no file is created. */
const STEP_BYTES = 128 * 1024 * 1024

/** Puts small files onto the disk while others are being written, so that the sync behind them waits for the last ones only. */
export class WriteBack {
  readonly #folder: string
  readonly #closing = new AbortController()
  #behind = 0
  #busy = false

  /** @param folder where they are written */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** So many bytes more were written. */
  add(bytes: number): void {
    this.#behind += bytes
    if (this.#behind < STEP_BYTES || this.#busy) return
    this.#behind = 0
    this.#busy = true
    void syncFileSystem(this.#folder, this.#closing.signal).then((done) => {
      // Where it can't be done, it won't be tried again.
      this.#busy = !done
    })
  }

  /** Waits for nothing: whoever needs the files on the disk syncs them. */
  close(): void {
    this.#closing.abort()
  }
}
