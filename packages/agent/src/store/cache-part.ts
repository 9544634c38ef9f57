import { randomBytes } from "node:crypto"
import { open, rename, rm, stat, type FileHandle } from "node:fs/promises"
import { join } from "node:path"
import { ByteRanges, type ByteRange } from "./byte-ranges.ts"
import { claimOrphan, leaveUnrecorded, recordPathOf } from "./cache-orphan.ts"
import type { PartRecord } from "./cache-record.ts"
import { freeSpace } from "./free-space.ts"
import { holderName, thisHolder, type Holder } from "./lock-holder.ts"
import { writeAtomic } from "./write-atomic.ts"

const CHECKPOINT_SECONDS = 10
/** How often a part with gaps records where they are, so that a killed process loses no more. */
const GAPS_SECONDS = 1
/** After so many new bytes they are put onto the disk beside the download, so that its end does not wait for all. */
const WRITE_BACK_BYTES = 64 * 1024 * 1024

export type PartState = Omit<PartRecord, "ranges" | "written" | "holder" | "url" | "released">

/** An unfinished download under a name of our own, with what is needed to go on with it later. */
export class CachePart {
  readonly path: string
  readonly #recordPath: string
  readonly #file: FileHandle
  readonly #holder: Holder
  readonly #url: string
  /** Where the bytes came from, and what the server said of them. Saved by `checkpoint`. */
  state: PartState
  readonly #ranges: ByteRanges
  #epoch = 0
  #synced: ByteRanges
  #dirty = false
  /** Bytes written since they were last put onto the disk, and whether that is under way. */
  #unsynced = 0
  #writingBack = false
  /** It has or had gaps: its size does not tell what is there. */
  #gapped: boolean
  readonly #timer: NodeJS.Timeout
  #ticks = 0
  #checkpointing: Promise<unknown> = Promise.resolve()
  #appended = performance.now()
  #closed = false
  #lost = false
  #released = false
  /** Why bytes could not be put onto the disk: the system tells it once, and forgets them. */
  #failure: { error: unknown } | undefined

  private constructor(
    path: string,
    url: string,
    file: FileHandle,
    holder: Holder,
    state: PartState,
    ranges: readonly [number, number][],
  ) {
    this.path = path
    this.#url = url
    this.#recordPath = recordPathOf(path)
    this.#file = file
    this.#holder = holder
    this.state = state
    this.#ranges = new ByteRanges(ranges)
    this.#synced = new ByteRanges(ranges)
    this.#gapped = this.#ranges.end !== this.#ranges.prefix
    this.#timer = setInterval(() => this.#tick(), GAPS_SECONDS * 1000)
    this.#timer.unref()
  }

  /** The record's time is also the heartbeat. A failure (disk full) shows in the next write. */
  #tick(): void {
    this.#ticks++
    if (this.#ticks % CHECKPOINT_SECONDS === 0) void this.checkpoint().catch(() => {})
    else if (this.#gapped && this.#dirty) void this.#queue(() => this.#record()).catch(() => {})
  }

  /** Claims the longest orphaned part of that key, or makes a new one. `url` is recorded: no credentials. */
  static async open(folder: string, key: string, url: string): Promise<CachePart> {
    const holder = await thisHolder()
    const path = partPath(folder, key, holder)
    const claimed = await claimOrphan(folder, key, { target: path, url })
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
    const part = new CachePart(path, url, file, holder, state, claimed.ranges)
    await file.truncate(part.#ranges.end)
    await part.checkpoint()
    await rm(claimed.recordPath, { force: true })
    return part
  }

  /** A new, empty part. */
  static async create(folder: string, key: string, url: string): Promise<CachePart> {
    const holder = await thisHolder()
    const path = partPath(folder, key, holder)
    return new CachePart(path, url, await open(path, "wx+"), holder, {}, [])
  }

  /** Bytes from the start that are there, without a gap. */
  get bytes(): number {
    return this.#ranges.prefix
  }

  /** All bytes that are there, beyond gaps too. */
  get written(): number {
    return this.#ranges.total
  }

  /** What lacks below `length`, `[start, end)` ascending. */
  gaps(length: number): ByteRange[] {
    return this.#ranges.gaps(length)
  }

  /** To be awaited before something is written beyond a gap: from then on the size does not tell what is there. */
  async allowGaps(): Promise<void> {
    if (this.#gapped) return
    this.#gapped = true
    await this.#queue(() => this.#record())
  }

  /** Changes when bytes that were there are given up. */
  get epoch(): number {
    return this.#epoch
  }

  get file(): FileHandle {
    return this.#file
  }

  /** Writes at a place, the end by default; the buffers must not change until it is done. */
  async write(buffers: Uint8Array[], position = this.bytes): Promise<void> {
    const now = performance.now()
    // After a long silence (a suspended process) others may have taken us for dead.
    if (now - this.#appended > CHECKPOINT_SECONDS * 2000) await this.checkpoint()
    this.#appended = now
    if (this.#lost) throw new PartLost(this.path)
    this.#requireSound()
    const { bytesWritten } = await this.#file.writev(buffers, position)
    const wanted = buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0)
    this.#add(position, position + bytesWritten)
    // A short write comes before an error such as ENOSPC; writing the rest shows it.
    if (bytesWritten < wanted) await this.#writeRest(buffers, bytesWritten, position)
  }

  async #writeRest(buffers: Uint8Array[], written: number, position: number): Promise<void> {
    const all = Buffer.concat(buffers)
    for (let at = written; at < all.length;) {
      const { bytesWritten } = await this.#file.write(all, at, all.length - at, position + at)
      this.#add(position + at, position + at + bytesWritten)
      at += bytesWritten
    }
  }

  #add(start: number, end: number): void {
    this.#ranges.add(start, end)
    this.#dirty = true
    this.#unsynced += end - start
    if (this.#unsynced >= WRITE_BACK_BYTES && !this.#writingBack) void this.#writeBack()
  }

  /** A failure shows in the next write, or at the end. */
  async #writeBack(): Promise<void> {
    this.#unsynced = 0
    this.#writingBack = true
    await this.checkpoint().catch(() => {})
    this.#writingBack = false
  }

  /** Cuts back to the first `bytes`. */
  async truncate(bytes: number): Promise<void> {
    if (bytes < this.#ranges.end) this.#epoch++
    this.#ranges.cut(bytes)
    this.#synced.cut(bytes)
    this.#dirty = true
    await this.#file.truncate(bytes)
  }

  /** Forgets all bytes and what the server said of them. */
  async restart(): Promise<void> {
    await this.truncate(0)
    this.state = {}
    await this.checkpoint()
  }

  /** Puts what is there onto the disk and records it; notices when somebody took the part over. */
  checkpoint(): Promise<void> {
    return this.#queue(() => this.#checkpoint())
  }

  #queue(work: () => Promise<void>): Promise<void> {
    const run = this.#checkpointing.then(work)
    this.#checkpointing = run.catch(() => {})
    return run
  }

  async #checkpoint(): Promise<void> {
    if (this.#closed) return
    if (!(await this.owned())) {
      this.#lost = true
      throw new PartLost(this.path)
    }
    if (this.#dirty) {
      const ranges = this.#ranges.toArray()
      const epoch = this.#epoch
      this.#requireSound()
      await this.#file.datasync().catch((error: unknown) => {
        this.#failure = { error }
        throw error
      })
      if (epoch === this.#epoch) this.#synced = new ByteRanges(ranges)
    }
    await this.#record()
  }

  async #record(): Promise<void> {
    if (this.#closed) return
    const written = this.#ranges.toArray()
    this.#dirty = JSON.stringify(written) !== JSON.stringify(this.#synced.toArray())
    const record: PartRecord = {
      url: this.#url,
      ...this.state,
      ...(this.#released ? { released: true } : {}),
      ranges: this.#synced.toArray(),
      ...(this.#gapped ? { written } : {}),
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
    return (await freeSpace(this.path))?.bytes ?? Infinity
  }

  /** Makes it the file at `path`, durably; the record goes. Throws `PartLost` when it is no longer ours. */
  async commit(path: string): Promise<void> {
    await this.#stop()
    try {
      this.#requireSound()
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
    await this.#forgetUnsound()
    if (this.written === 0) return await this.discard()
    this.#released = true
    await this.checkpoint().catch(() => leaveUnrecorded(this.path, this.#ranges.toArray()))
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

  #requireSound(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** After a failure nobody knows what of the later bytes is there. */
  async #forgetUnsound(): Promise<void> {
    if (this.#failure === undefined) return
    await this.truncate(this.#synced.prefix)
    this.#failure = undefined
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
