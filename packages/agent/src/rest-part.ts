import { DatamaestroError, type PartAnnouncement } from "@datamaestro/protocol"
import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { brotliDecompress } from "node:zlib"
import { promisify } from "node:util"
import { writeAtomic } from "./store/write-atomic.ts"

/** Modules by name, as the build makes them. */
export type PartModules = Readonly<Record<string, unknown>>

export interface RestPartOptions {
  /** SHA-256, lower-case hex. */
  hash: string
  /** Where it lies, or will; absent where nothing can be kept. */
  folder: string | undefined
  /** It is sent without being asked for. */
  coming?: boolean
  /** Asks for it; absent where nobody could send it. */
  ask?: (() => void) | undefined
  /** Told why it can't be kept: it is sent again the next time. */
  onUnkept?: ((reason: string) => void) | undefined
  /** Runs its code. */
  compile: (source: Buffer) => PartModules
}

const FILE = "agent-rest.cjs"
const MOST_BYTES = 64 * 1024 * 1024

/** The second part of the agent: on the disk, on its way, or to be asked for. It is verified before it runs. */
export class RestPart {
  readonly #options: RestPartOptions
  #source: Promise<Buffer> | undefined
  #coming: boolean
  #announced: PartAnnouncement | undefined
  #chunks: Uint8Array[] = []
  #got = 0
  #received: ((compressed: Buffer) => void) | undefined
  #failed: ((error: Error) => void) | undefined
  readonly #arrival: Promise<Buffer>

  constructor(options: RestPartOptions) {
    this.#options = options
    this.#coming = options.coming === true
    this.#arrival = new Promise((resolve, reject) => {
      this.#received = resolve
      this.#failed = reject
    })
    this.#arrival.catch(() => {})
  }

  /** @throws DatamaestroError DEPLOY_FAILED when it can't be had, or is not what it should be; CONNECTION_LOST */
  async load(): Promise<PartModules> {
    return this.#options.compile(await this.#have())
  }

  /** The next bytes of its stream are it. */
  announce(announcement: PartAnnouncement): void {
    this.#announced = announcement
  }

  receive(bytes: Uint8Array): void {
    if (this.#announced === undefined || this.#got >= this.#announced.bytes) return
    this.#chunks.push(bytes.slice())
    this.#got += bytes.length
    if (this.#got < this.#announced.bytes) return
    this.#received?.(Buffer.concat(this.#chunks))
    this.#chunks = []
    // Kept for the next call also where this one has no use for it; whoever has hears of a failure.
    this.#have().catch(() => {})
  }

  /** Once what has come is kept. */
  async kept(): Promise<void> {
    if (this.#announced !== undefined && this.#got >= this.#announced.bytes) await this.#source?.catch(() => {})
  }

  /** Nothing more comes. */
  end(): void {
    this.#failed?.(
      new DatamaestroError("CONNECTION_LOST", "Lost the connection before all of the agent had come", {
        hint: "run the same command again",
      }),
    )
  }

  #have(): Promise<Buffer> {
    return (this.#source ??= this.#find())
  }

  async #find(): Promise<Buffer> {
    const { folder, ask, hash } = this.#options
    if (folder !== undefined && !this.#coming) {
      const found = await readFile(join(folder, FILE)).catch(() => undefined)
      if (found !== undefined && sha256(found) === hash) return found
    }
    if (!this.#coming) {
      if (ask === undefined) {
        throw new DatamaestroError(
          "DEPLOY_FAILED",
          `Cannot load the agent: "${join(folder ?? "", FILE)}" is missing or damaged`,
          { hint: "run the same command from the machine that brought it: it sends what is missing" },
        )
      }
      ask()
    }
    const source = await unpack(await this.#arrival)
    if (sha256(source) !== hash) throw unusable("its hash differs from the one announced")
    if (folder !== undefined) {
      const kept = writeAtomic(join(folder, FILE), source, { mode: 0o600, sync: false })
      // What a power failure takes is noticed by its hash, and sent again.
      await kept.catch((error: NodeJS.ErrnoException) => {
        // The first part is gone with the folder, whoever removed it while this agent waited: the next call brings both.
        if (error.code !== "ENOENT") this.#options.onUnkept?.(error.message)
      })
    }
    return source
  }
}

async function unpack(compressed: Buffer): Promise<Buffer> {
  try {
    return await promisify(brotliDecompress)(compressed, { maxOutputLength: MOST_BYTES })
  } catch (error) {
    throw unusable((error as Error).message, error)
  }
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex")
}

function unusable(why: string, cause?: unknown): DatamaestroError {
  return new DatamaestroError("DEPLOY_FAILED", `Cannot use the second part of the uploaded agent: ${why}`, {
    hint: "run the same command again",
    cause,
  })
}
