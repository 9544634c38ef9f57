import { interrupted } from "@datamaestro/protocol"
import { mkdir, type FileHandle } from "node:fs/promises"
import { dirname } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { removeClaimed } from "./lock-claim.ts"
import { thisHolder, type Holder } from "./lock-holder.ts"
import { beat, createRecord, describeHolder, isStale, readRecord, type LockRecord } from "./lock-record.ts"
import { storageError } from "./storage-error.ts"

const HEARTBEAT_SECONDS = 10
const STALE_SECONDS = 45
/** How long the removal of a lock, some file operations, may take at most. */
const CLAIM_SECONDS = 10
const TELL_SECONDS = 10
const STALE_CHECK_SECONDS = 5

export interface LockOptions {
  signal: AbortSignal
  /** Told at once when somebody else has it (`process 12 on login1`), then every 10 seconds with those waited. */
  onWait?(holder: string, seconds: number): void
  /** A holder silent for longer is taken for dead; 45 by default, never less than three heartbeats in practice. */
  staleAfterSeconds?: number
}

export interface Lock {
  /** Gives it back; safe to call twice, and after somebody took over. */
  release(): Promise<void>
  /** Whether it is still ours: `false` once somebody took us for dead or the folder was wiped. */
  held(): Promise<boolean>
}

/**
 * Takes the lock, waiting while another process has it. It saves double work and nothing else: file systems of
 * clusters can't promise exclusion to a holder that sleeps through its lease, so results must be right without
 * it. Needs no flock: the lock is the existence of the file, its heartbeat the file's modification time.
 */
export async function acquireLock(path: string, options: LockOptions): Promise<Lock> {
  try {
    return await acquire(path, options)
  } catch (error) {
    if (options.signal.aborted) throw interrupted()
    throw storageError(error, `lock "${path}"`)
  }
}

async function acquire(
  path: string,
  { signal, onWait, staleAfterSeconds = STALE_SECONDS }: LockOptions,
): Promise<Lock> {
  const self = await thisHolder()
  const started = performance.now()
  const waited = (): number => (performance.now() - started) / 1000
  let told = Number.NEGATIVE_INFINITY
  let checked = { token: "", at: 0 }
  let pause = 25
  for (;;) {
    if (signal.aborted) throw interrupted()
    const file = await create(path, self)
    if (file !== undefined) return new FileLock(path, self, file)
    const record = await readRecord(path)
    if (record === undefined) continue
    if (checked.token !== record.token || waited() - checked.at >= Math.min(STALE_CHECK_SECONDS, staleAfterSeconds)) {
      checked = { token: record.token, at: waited() }
      if (await takeOver(path, record, self, staleAfterSeconds)) continue
    }
    if (waited() - told >= TELL_SECONDS) {
      told = waited()
      onWait?.(describeHolder(record), Math.floor(told))
    }
    await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal })
    pause = Math.min(pause * 1.5, 1000)
  }
}

async function create(path: string, self: Holder): Promise<FileHandle | undefined> {
  try {
    return await createRecord(path, self)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
    await mkdir(dirname(path), { recursive: true })
    return await createRecord(path, self)
  }
}

async function takeOver(path: string, record: LockRecord, self: Holder, staleAfterSeconds: number): Promise<boolean> {
  try {
    if (!(await isStale(path, record, staleAfterSeconds))) return false
    return await removeClaimed(path, record.token, self, Math.min(CLAIM_SECONDS, staleAfterSeconds))
  } catch (error) {
    // The folder was removed meanwhile, and the lock with it.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false
    throw error
  }
}

class FileLock implements Lock {
  readonly #path: string
  readonly #self: Holder
  readonly #file: FileHandle
  readonly #timer: NodeJS.Timeout
  #beating: Promise<void> = Promise.resolve()
  #released: Promise<void> | undefined

  constructor(path: string, self: Holder, file: FileHandle) {
    this.#path = path
    this.#self = self
    this.#file = file
    this.#timer = setInterval(() => {
      // A heartbeat that fails (disk full, server away) is tried again at the next tick; staleness is the others' call.
      this.#beating = this.#beating.then(() => beat(this.#file, this.#self).catch(() => {}))
    }, HEARTBEAT_SECONDS * 1000)
    this.#timer.unref()
  }

  async held(): Promise<boolean> {
    if (this.#released !== undefined) return false
    const record = await readRecord(this.#path)
    return record?.token === this.#self.token
  }

  release(): Promise<void> {
    this.#released ??= this.#release()
    return this.#released
  }

  async #release(): Promise<void> {
    clearInterval(this.#timer)
    await this.#beating
    await this.#file.close()
    try {
      const record = await readRecord(this.#path)
      if (record?.token !== this.#self.token) return
      await removeClaimed(this.#path, this.#self.token, await thisHolder(), CLAIM_SECONDS)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return
      throw storageError(error, `release the lock "${this.#path}"`)
    }
  }
}
