import { randomBytes } from "node:crypto"
import { open, rename, stat, type FileHandle } from "node:fs/promises"
import { join } from "node:path"
import type { ByteRange } from "./byte-ranges.ts"
import { claimOrphan, leaveUnrecorded, recordPathOf } from "./cache-orphan.ts"
import type { PartRecord } from "./cache-record.ts"
import { errnoName } from "./errno-name.ts"
import { freeSpace } from "./free-space.ts"
import { holderName, thisHolder, type Holder } from "./lock-holder.ts"
import { PartContent } from "./part-content.ts"
import { writeAtomic } from "./write-atomic.ts"
import { removeFile } from "./remove-file.ts"
import { syncOpenFile } from "./sync-open-file.ts"

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
  readonly #content: PartContent
  readonly #holder: Holder
  readonly #url: string
  /** Where the bytes came from, and what the server said of them. Saved by `checkpoint`. */
  state: PartState
  /** Bytes are being put onto the disk. */
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

  private constructor(path: string, url: string, content: PartContent, holder: Holder, state: PartState) {
    this.path = path
    this.#url = url
    this.#recordPath = recordPathOf(path)
    this.#content = content
    this.#holder = holder
    this.state = state
    this.#gapped = content.end !== content.bytes
    this.#timer = setInterval(() => this.#tick(), GAPS_SECONDS * 1000)
    this.#timer.unref()
  }

  /** The record's time is also the heartbeat. A failure (disk full) shows in the next write. */
  #tick(): void {
    this.#ticks++
    if (this.#ticks % CHECKPOINT_SECONDS === 0) void this.checkpoint().catch(() => {})
    else if (this.#gapped && this.#content.changed) void this.#queue(() => this.#record()).catch(() => {})
  }

  /**
   * Claims the longest orphaned part of that key, or makes a new one. `url` is recorded: no credentials.
   *
   * @param names those in the folder that are the key's
   */
  static async open(folder: string, key: string, url: string, names: readonly string[]): Promise<CachePart> {
    const holder = await thisHolder()
    const path = partPath(folder, key, holder)
    const claimed = await claimOrphan(folder, key, { target: path, url, names })
    if (claimed === undefined) return await CachePart.create(folder, key, url)
    const { source, etag, lastModified, length, encoding } = claimed.record
    const state: PartState = {
      ...(source === undefined ? {} : { source }),
      ...(etag === undefined ? {} : { etag }),
      ...(lastModified === undefined ? {} : { lastModified }),
      ...(length === undefined ? {} : { length }),
      ...(encoding === undefined ? {} : { encoding }),
    }
    const content = new PartContent(await open(path, "r+").catch(wiped(path)), claimed.ranges)
    const part = new CachePart(path, url, content, holder, state)
    await content.file.truncate(content.end)
    await part.checkpoint()
    await removeFile(claimed.recordPath)
    return part
  }

  /** A new, empty part. */
  static async create(folder: string, key: string, url: string): Promise<CachePart> {
    const holder = await thisHolder()
    const path = partPath(folder, key, holder)
    return new CachePart(path, url, new PartContent(await open(path, "wx+"), []), holder, {})
  }

  /** Bytes from the start that are there, without a gap. */
  get bytes(): number {
    return this.#content.bytes
  }

  /** All bytes that are there, beyond gaps too. */
  get written(): number {
    return this.#content.written
  }

  /** What lacks below `length`, `[start, end)` ascending. */
  gaps(length: number): ByteRange[] {
    return this.#content.gaps(length)
  }

  /** To be awaited before something is written beyond a gap: from then on the size does not tell what is there. */
  async allowGaps(): Promise<void> {
    if (this.#gapped) return
    this.#gapped = true
    await this.#queue(() => this.#record())
  }

  /** Changes when bytes that were there are given up. */
  get epoch(): number {
    return this.#content.epoch
  }

  get file(): FileHandle {
    return this.#content.file
  }

  /** Writes at a place, the end by default; the buffers must not change until it is done. */
  async write(buffers: Uint8Array[], position = this.bytes): Promise<void> {
    const now = performance.now()
    // After a long silence (a suspended process) others may have taken us for dead.
    if (now - this.#appended > CHECKPOINT_SECONDS * 2000) await this.checkpoint()
    this.#appended = now
    if (this.#lost) throw new PartLost(this.path)
    await this.#content.write(buffers, position)
    if (this.#content.unsynced >= WRITE_BACK_BYTES && !this.#writingBack) void this.#writeBack()
  }

  /** A failure shows in the next write, or at the end. */
  async #writeBack(): Promise<void> {
    this.#writingBack = true
    await this.checkpoint().catch(() => {})
    this.#writingBack = false
  }

  /** Cuts back to the first `bytes`. */
  async truncate(bytes: number): Promise<void> {
    await this.#content.truncate(bytes)
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
    if (this.#content.changed) await this.#content.sync()
    await this.#record()
  }

  async #record(): Promise<void> {
    if (this.#closed) return
    const { ranges: written, synced } = this.#content
    const record: PartRecord = {
      url: this.#url,
      ...this.state,
      ...(this.#released ? { released: true } : {}),
      ranges: synced,
      ...(this.#gapped ? { written } : {}),
      holder: JSON.stringify(this.#holder),
    }
    await writeAtomic(this.#recordPath, JSON.stringify(record), { sync: false }).catch(wiped(this.path))
  }

  /** Whether the name is still ours: an orphan's claimant renames it, and a person may wipe the cache. */
  async owned(): Promise<boolean> {
    const [named, opened] = await Promise.all([stat(this.path).catch(() => undefined), this.#content.file.stat()])
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
      this.#content.requireSound()
      await syncOpenFile(this.#content.file)
      if (!(await this.owned())) throw new PartLost(this.path)
      await rename(this.path, path).catch(wiped(this.path))
    } finally {
      // All of it is on the disk, or what kept it from there was thrown.
      await this.#content.file.close().catch(() => {})
    }
    // Storage that failed once may not fail again; else whoever downloads it next takes away what stays.
    await removeFile(this.#recordPath)
      .catch(() => removeFile(this.#recordPath))
      .catch(() => {})
  }

  /** Stops writing and leaves it to be continued; an empty one is removed. */
  async keep(): Promise<void> {
    if (this.#closed) return
    await this.#content.forgetUnsound()
    if (this.written === 0) return await this.discard()
    this.#released = true
    await this.checkpoint().catch(() => leaveUnrecorded(this.path, this.#content.ranges))
    await this.#stop()
    await this.#content.file.close()
  }

  /** Removes it, unless somebody took it over. */
  async discard(): Promise<void> {
    if (this.#closed) return
    await this.#stop()
    const owned = await this.owned()
    await this.#content.file.close()
    if (owned) await removeFile(this.path)
    await removeFile(this.#recordPath)
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

/** For what fails because a file of this part is not there any more. */
export function wiped(path: string): (error: unknown) => never {
  return (error) => {
    throw errnoName(error) === "ENOENT" ? new PartLost(path) : error
  }
}

function partPath(folder: string, key: string, holder: Holder): string {
  return join(folder, `${key}.${holderName(holder)}.${randomBytes(4).toString("hex")}.tmp`)
}
