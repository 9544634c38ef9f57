import type { HashAlgorithm } from "@datamaestro/dataset"
import { Worker } from "node:worker_threads"
import { FOLLOWER_SOURCE } from "./follower-source.ts"
import type { Digests } from "./stream-hasher.ts"

/** A message to another thread costs more than a MiB's reading. */
const STEP_BYTES = 4 * 1024 * 1024

/** Hashes a file in a thread of its own while others write it: always from its start, never beyond what it was told. */
export class FileFollower {
  readonly #worker: Worker
  readonly #result: Promise<Digests>
  readonly #onBytes: (bytes: number) => void
  #told = 0

  /** @param onBytes told from time to time how many bytes are hashed */
  constructor(path: string, algorithms: Iterable<HashAlgorithm>, onBytes: (bytes: number) => void) {
    this.#onBytes = onBytes
    this.#worker = new Worker(FOLLOWER_SOURCE, {
      eval: true,
      workerData: { path, algorithms: [...algorithms] },
      // Nothing of the main program's is wanted in the thread, loaders for example.
      execArgv: [],
    })
    this.#result = new Promise((resolve, reject) => {
      this.#worker.once("error", reject)
      this.#worker.once("exit", () => reject(new Error("the hashing thread ended")))
      this.#worker.on("message", (message: { bytes: number; digests?: Digests }) => {
        this.#onBytes(message.bytes)
        if (message.digests !== undefined) resolve(message.digests)
      })
    })
    this.#result.catch(() => {})
  }

  /** The first `bytes` bytes of the file are there, and will stay as they are. */
  advance(bytes: number): void {
    if (bytes - this.#told < STEP_BYTES) return
    this.#told = bytes
    this.#worker.postMessage({ to: bytes })
  }

  /** The digests of the first `bytes` bytes; nothing may follow. Rejects when the thread failed or was closed. */
  async finish(bytes: number): Promise<Digests> {
    this.#worker.postMessage({ to: bytes, end: true })
    return await this.#result
  }

  /** Ends the thread, whatever it does. */
  async close(): Promise<void> {
    await this.#worker.terminate()
  }
}
