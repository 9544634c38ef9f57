import { randomBytes } from "node:crypto"
import { open, readdir, rename, rm, stat, statfs, type FileHandle } from "node:fs/promises"
import { join } from "node:path"
import { PartRecord, readRecordFile } from "./cache-record.ts"
import { fileSystemNow } from "./lock-clock.ts"
import { holderName, isGone, parseHolder, thisHolder, type Holder } from "./lock-holder.ts"
import { writeAtomic } from "./write-atomic.ts"

const CHECKPOINT_SECONDS = 10
/** A part whose writer was silent for longer is an orphan. Longer than a lock's: a wrong guess costs the work. */
const ORPHAN_SECONDS = 120

/** Parts that this process has left without being able to record it, the disk being full. */
const releasedHere = new Set<string>()

export type PartState = Omit<PartRecord, "ranges" | "holder" | "url" | "released">

/** An unfinished download under a name of our own, with what is needed to go on with it later. */
export class CachePart {
  readonly path: string
  readonly #recordPath: string
  readonly #file: FileHandle
  readonly #holder: Holder
  readonly #url: string
  /** Where the bytes came from, and what the server said of them. Saved by `checkpoint`. */
  state: PartState
  #bytes: number
  #epoch = 0
  #synced: number
  readonly #timer: NodeJS.Timeout
  #checkpointing: Promise<unknown> = Promise.resolve()
  #appended = performance.now()
  #closed = false
  #lost = false
  #released = false

  private constructor(path: string, url: string, file: FileHandle, holder: Holder, state: PartState, bytes: number) {
    this.path = path
    this.#url = url
    this.#recordPath = recordPathOf(path)
    this.#file = file
    this.#holder = holder
    this.state = state
    this.#bytes = bytes
    this.#synced = bytes
    // The record's time is also the heartbeat. A failure (disk full) shows in the next write.
    this.#timer = setInterval(() => void this.checkpoint().catch(() => {}), CHECKPOINT_SECONDS * 1000)
    this.#timer.unref()
  }

  /** Claims the longest orphaned part of that key, or makes a new one. `url` is recorded: no credentials. */
  static async open(folder: string, key: string, url: string): Promise<CachePart> {
    const holder = await thisHolder()
    const path = partPath(folder, key, holder)
    const claimed = await claimOrphan(folder, key, path)
    if (claimed === undefined) return await CachePart.create(folder, key, url)
    const { source, etag, lastModified, length, encoding } = claimed.record
    const state: PartState = {
      ...(source === undefined ? {} : { source }),
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
      ...(length === undefined ? {} : { length }),
      ...(encoding === undefined ? {} : { encoding }),
    }
    const file = await open(path, "r+")
    const part = new CachePart(path, url, file, holder, state, claimed.bytes)
    await file.truncate(claimed.bytes)
    await part.checkpoint()
    await rm(claimed.recordPath, { force: true })
    return part
  }

  /** A new, empty part. */
  static async create(folder: string, key: string, url: string): Promise<CachePart> {
    const holder = await thisHolder()
    const path = partPath(folder, key, holder)
    return new CachePart(path, url, await open(path, "wx+"), holder, {}, 0)
  }

  /** Bytes from the start that are there. */
  get bytes(): number {
    return this.#bytes
  }

  /** Changes when bytes that were there are given up. */
  get epoch(): number {
    return this.#epoch
  }

  get file(): FileHandle {
    return this.#file
  }

  /** Appends; the buffers must not change until it is done. */
  async append(buffers: Uint8Array[]): Promise<void> {
    const now = performance.now()
    // After a long silence (a suspended process) others may have taken us for dead.
    if (now - this.#appended > CHECKPOINT_SECONDS * 2000) await this.checkpoint()
    this.#appended = now
    if (this.#lost) throw new PartLost(this.path)
    const { bytesWritten } = await this.#file.writev(buffers, this.#bytes)
    const wanted = buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0)
    this.#bytes += bytesWritten
    // A short write comes before an error such as ENOSPC; writing the rest shows it.
    if (bytesWritten < wanted) await this.#appendRest(buffers, bytesWritten)
  }

  async #appendRest(buffers: Uint8Array[], written: number): Promise<void> {
    const rest = Buffer.concat(buffers).subarray(written)
    for (let at = 0; at < rest.length;) {
      const { bytesWritten } = await this.#file.write(rest, at, rest.length - at, this.#bytes)
      at += bytesWritten
      this.#bytes += bytesWritten
    }
  }

  /** Cuts back to the first `bytes`. */
  async truncate(bytes: number): Promise<void> {
    if (bytes < this.#bytes) this.#epoch++
    await this.#file.truncate(bytes)
    this.#bytes = bytes
    this.#synced = Math.min(this.#synced, bytes)
  }

  /** Forgets all bytes and what the server said of them. */
  async restart(): Promise<void> {
    await this.truncate(0)
    this.state = {}
    await this.checkpoint()
  }

  /** Puts what is there onto the disk and records it; notices when somebody took the part over. */
  checkpoint(): Promise<void> {
    const run = this.#checkpointing.then(() => this.#checkpoint())
    this.#checkpointing = run.catch(() => {})
    return run
  }

  async #checkpoint(): Promise<void> {
    if (this.#closed) return
    if (!(await this.owned())) {
      this.#lost = true
      throw new PartLost(this.path)
    }
    const bytes = this.#bytes
    if (bytes !== this.#synced) await this.#file.datasync()
    this.#synced = Math.min(bytes, this.#bytes)
    const record: PartRecord = {
      url: this.#url,
      ...this.state,
      ...(this.#released ? { released: true } : {}),
      ranges: this.#synced === 0 ? [] : [[0, this.#synced]],
      holder: JSON.stringify(this.#holder),
    }
    await writeAtomic(this.#recordPath, JSON.stringify(record), { sync: false })
  }

  /** Whether the name is still ours: an orphan's claimant renames it, and a person may wipe the cache. */
  async owned(): Promise<boolean> {
    const [named, opened] = await Promise.all([stat(this.path).catch(() => undefined), this.#file.stat()])
    return named !== undefined && named.ino === opened.ino && named.dev === opened.dev
  }

  /** Bytes that may still be written on this file system, by an ordinary user. */
  async space(): Promise<number> {
    const { bavail, bsize } = await statfs(this.path)
    return bavail * bsize
  }

  /** Makes it the file at `path`, durably; the record goes. Throws `PartLost` when it is no longer ours. */
  async commit(path: string): Promise<void> {
    await this.#stop()
    try {
      await this.#file.sync()
      if (!(await this.owned())) throw new PartLost(this.path)
      await rename(this.path, path)
    } finally {
      await this.#file.close()
    }
    await rm(this.#recordPath, { force: true })
  }

  /** Stops writing and leaves it to be continued; an empty one is removed. */
  async keep(): Promise<void> {
    if (this.#closed) return
    if (this.#bytes === 0) return await this.discard()
    this.#released = true
    await this.checkpoint().catch(() => releasedHere.add(this.path))
    await this.#stop()
    await this.#file.close()
  }

  /** Removes it, unless somebody took it over. */
  async discard(): Promise<void> {
    if (this.#closed) return
    await this.#stop()
    const owned = await this.owned()
    await this.#file.close()
    if (owned) await rm(this.path, { force: true })
    await rm(this.#recordPath, { force: true })
  }

  async #stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#checkpointing
    this.#closed = true
  }
}

/** Somebody took our part over, taking us for dead, or it was removed by hand: start again. */
export class PartLost extends Error {
  constructor(path: string) {
    super(`the unfinished download "${path}" was taken over or removed`)
  }
}

function partPath(folder: string, key: string, holder: Holder): string {
  return join(folder, `${key}.${holderName(holder)}.${randomBytes(4).toString("hex")}.tmp`)
}

export function recordPathOf(partPath: string): string {
  return partPath.replace(/\.tmp$/, ".json.tmp")
}

/** Whether `name` is an unfinished part of `key`: ours, or the `<key>.tmp` of Python datamaestro. */
export function isPartName(name: string): boolean {
  return /^[0-9a-f]{64}(\..+)?\.tmp$/.test(name) && !name.includes(".json.")
}

/** Whether nobody writes a part any more: its process is gone, or its record and bytes are old. */
export async function isOrphan(path: string, record: PartRecord | undefined): Promise<boolean> {
  if (record?.released === true || releasedHere.has(path)) return true
  const holder = record === undefined ? undefined : parseHolder(record.holder)
  if (holder !== undefined && (await isGone(holder))) return true
  const times = await Promise.all([path, recordPathOf(path)].map((file) => stat(file).catch(() => undefined)))
  const last = Math.max(...times.map((status) => status?.mtimeMs ?? 0))
  return (await fileSystemNow(path)) - last > ORPHAN_SECONDS * 1000
}

interface Claimed {
  record: PartRecord
  /** Still under its old name: it names the dead writer. */
  recordPath: string
  bytes: number
}

/** Renames the longest orphan of that key to `target`; the winner of the rename goes on with it. */
async function claimOrphan(folder: string, key: string, target: string): Promise<Claimed | undefined> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(`${key}.`) && isPartName(name))
  const found: { path: string; record: PartRecord; bytes: number }[] = []
  for (const path of names.map((name) => join(folder, name))) {
    const record = await readRecordFile(recordPathOf(path), PartRecord)
    if (record === undefined || !(await isOrphan(path, record))) continue
    const bytes = await usableBytes(path, record)
    if (bytes > 0) found.push({ path, record, bytes })
  }
  found.sort((a, b) => b.bytes - a.bytes)
  for (const { path, record, bytes } of found) {
    try {
      await rename(path, target)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") continue
      throw error
    }
    return { record, recordPath: recordPathOf(path), bytes }
  }
  return undefined
}

/**
 * All bytes, when only the writing process died: this machine still has what it wrote. Otherwise those that were
 * recorded after a sync: on NFS, a crashed machine can leave holes below the end of the file.
 */
async function usableBytes(path: string, record: PartRecord): Promise<number> {
  const status = await stat(path).catch(() => undefined)
  if (status === undefined) return 0
  const holder = parseHolder(record.holder)
  if (releasedHere.has(path) || (holder !== undefined && (await isGone(holder)))) return status.size
  const first = record.ranges[0]
  return first === undefined || first[0] !== 0 ? 0 : Math.min(first[1], status.size)
}
