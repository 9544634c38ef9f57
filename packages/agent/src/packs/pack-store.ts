import { DatamaestroError, type Params } from "@datamaestro/protocol"
import { createHash, randomBytes, type Hash } from "node:crypto"
import { chmod, mkdir, open, readdir, rename, rm, stat, utimes, type FileHandle } from "node:fs/promises"
import { join } from "node:path"
import { storageError } from "../store/storage-error.ts"
import { contentsFile, listContents } from "./pack-contents.ts"
import { removeFile } from "../store/remove-file.ts"

const DAY = 24 * 3600_000
/** A pack that no agent has used for this long goes when another one comes. */
const KEEP_UNUSED = 7 * DAY

/**
 * Which packs of these modules are not here; those that are get marked as used. One whose files are gone, as storage
 * that is cleaned by age leaves it, makes room for the next.
 */
export async function missingPacks(
  folder: string,
  modules: readonly { hash: string; entry: string }[],
): Promise<string[]> {
  const missing = new Set<string>()
  for (const { hash, entry } of modules) {
    checkHash(hash)
    const pack = join(folder, hash)
    const there = await touch(pack)
    if (there && (await isThere(join(pack, entry))) && (await isThere(contentsFile(pack)))) continue
    if (there) await rm(pack, { recursive: true, force: true }).catch(() => {})
    missing.add(hash)
  }
  return [...missing]
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined
}

/** Marks a pack as used, for `prune`; says whether there is one. */
export async function touch(pack: string): Promise<boolean> {
  const found = await stat(pack).catch(() => undefined)
  if (found === undefined) return false
  const now = new Date()
  // A read-only folder keeps its packs anyway.
  if (now.getTime() - found.mtimeMs > DAY / 24) await utimes(pack, now, now).catch(() => {})
  return true
}

interface Receiving {
  file: FileHandle
  path: string
  hash: Hash
  bytes: number
}

/** Takes packs piece by piece, verifies each by its hash, and unpacks it below `folder` under that name: whole or not at all. */
export class PackReceiver {
  readonly #folder: string
  readonly #receiving = new Map<string, Receiving>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * One piece. Several may be on their way at once; they are taken in the order in which they came.
   *
   * @throws DatamaestroError DEPLOY_FAILED when pieces don't fit together or the hash differs; NO_SPACE and others of the storage
   */
  async receive(piece: Params<"packs/upload">, signal: AbortSignal): Promise<void> {
    const turn = this.#last.then(() => this.#take(piece, signal))
    this.#last = turn.catch(() => {})
    await turn
  }

  /** Removes what has not come to its end. */
  async close(): Promise<void> {
    await Promise.all([...this.#receiving.keys()].map((hash) => this.#drop(hash)))
  }

  async #take({ hash, offset, data, last }: Params<"packs/upload">, signal: AbortSignal): Promise<void> {
    checkHash(hash)
    try {
      if (signal.aborted) throw new DatamaestroError("INTERRUPTED", "Interrupted")
      const receiving = this.#receiving.get(hash) ?? (await this.#start(hash, offset))
      if (receiving.bytes !== offset) throw broken(`a piece starts at ${offset}, ${receiving.bytes} bytes are here`)
      const bytes = Buffer.from(data, "base64")
      receiving.hash.update(bytes)
      for (let at = 0; at < bytes.length;) at += (await receiving.file.write(bytes, at)).bytesWritten
      receiving.bytes += bytes.length
      if (last) await this.#finish(hash, receiving, signal)
    } catch (error) {
      await this.#drop(hash)
      throw notKept(error, this.#folder)
    }
  }

  async #start(hash: string, offset: number): Promise<Receiving> {
    if (offset !== 0) throw broken(`its first piece starts at ${offset}`)
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await chmod(this.#folder, 0o700)
    const path = join(this.#folder, `${hash}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`)
    const receiving = { file: await open(path, "wx", 0o600), path, hash: createHash("sha256"), bytes: 0 }
    this.#receiving.set(hash, receiving)
    return receiving
  }

  async #finish(hash: string, receiving: Receiving, signal: AbortSignal): Promise<void> {
    const found = receiving.hash.digest("hex")
    if (found !== hash) throw broken(`its hash is ${found}, announced was ${hash}`)
    await receiving.file.close()
    const { unpack } = await import("./unpack.ts")
    const output = `${receiving.path}.d`
    await unpack(receiving.path, output, signal)
    try {
      await listContents(output)
      await rename(output, join(this.#folder, hash))
    } catch (error) {
      await rm(output, { recursive: true, force: true })
      // Somebody else was faster with the same content.
      if (!(await touch(join(this.#folder, hash)))) throw error
    }
    this.#receiving.delete(hash)
    await removeFile(receiving.path)
    await this.#prune(hash)
  }

  async #drop(hash: string): Promise<void> {
    const receiving = this.#receiving.get(hash)
    if (receiving === undefined) return
    this.#receiving.delete(hash)
    await receiving.file.close().catch(() => {})
    await removeFile(receiving.path).catch(() => {})
  }

  async #prune(kept: string): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      if (name === kept) continue
      const path = join(this.#folder, name)
      const found = await stat(path).catch(() => undefined)
      const limit = name.includes(".tmp") ? DAY : KEEP_UNUSED
      if (found === undefined || Date.now() - found.mtimeMs < limit) continue
      await rm(path, { recursive: true, force: true }).catch(() => {})
    }
  }
}

function checkHash(hash: string): void {
  if (!/^[0-9a-f]{64}$/.test(hash)) throw broken(`${JSON.stringify(hash)} is no SHA-256`)
}

/** The usual advice is of the data directory, which lies elsewhere. */
function notKept(error: unknown, folder: string): unknown {
  const told = storageError(error, `keep an uploaded repository in "${folder}"`)
  if (told === error || !(told instanceof DatamaestroError)) return error
  const { code, message, details } = told
  return new DatamaestroError(code, message, {
    hint: "check the free space, the owner and the permissions of this folder, or move it away: it is made anew",
    details,
    cause: error,
  })
}

function broken(reason: string): DatamaestroError {
  return new DatamaestroError("DEPLOY_FAILED", `Cannot take an uploaded repository: ${reason}`, {
    hint: "run the same command again",
  })
}
