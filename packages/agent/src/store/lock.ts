import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import { lstat, type FileHandle } from "node:fs/promises"
import { dirname } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { sharedRun } from "../concurrency/shared-run.ts"
import { removeClaimed } from "./lock-claim.ts"
import { isThisProcess, thisHolder, type Holder } from "./lock-holder.ts"
import {
  beat,
  createRecord,
  describeHolder,
  isStale,
  readRecord,
  STALE_SECONDS,
  type LockRecord,
} from "./lock-record.ts"
import { storageError } from "./storage-error.ts"
import { makeFolder } from "./make-folder.ts"
import { removeFile } from "./remove-file.ts"

const HEARTBEAT_SECONDS = 10
/** How long the removal of a lock, some file operations, may take at most. */
const CLAIM_SECONDS = 10
const TELL_SECONDS = 10
const STALE_CHECK_SECONDS = 5

export interface LockOptions {
  signal: AbortSignal
  /**
   * Told at once when it is taken (by `process 12 on login1`), then every 10 seconds with those waited.
   *
   * @param own it is this process that has it
   */
  onWait?(holder: string, seconds: number, own: boolean): void
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
  const { signal, onWait, staleAfterSeconds = STALE_SECONDS } = options
  const started = performance.now()
  const waited = (): number => (performance.now() - started) / 1000
  let told = Number.NEGATIVE_INFINITY
  const attempt = new Attempt(path, await thisHolder(), staleAfterSeconds)
  try {
    for (let pause = 25; ; pause = Math.min(pause * 1.5, 1000)) {
      if (signal.aborted) throw interrupted()
      const result = await attempt.run()
      if (result instanceof FileLock) return result
      if (waited() - told >= TELL_SECONDS) {
        told = waited()
        onWait?.(describeHolder(result), Math.floor(told), await isThisProcess(result.holder))
      }
      await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal })
    }
  } catch (error) {
    if (signal.aborted) throw interrupted()
    throw storageError(error, `lock "${path}"`)
  }
}

/** Takes the lock if nobody living has it; `undefined` at once otherwise. */
export async function tryLock(path: string): Promise<Lock | undefined> {
  try {
    const result = await new Attempt(path, await thisHolder(), STALE_SECONDS).run()
    return result instanceof FileLock ? result : undefined
  } catch (error) {
    throw storageError(error, `lock "${path}"`)
  }
}

/** Tries to take the lock, remembering which holder was looked at and when. */
class Attempt {
  readonly #path: string
  readonly #self: Holder
  readonly #staleSeconds: number
  #checked = { token: "", at: 0 }

  constructor(path: string, self: Holder, staleSeconds: number) {
    this.#path = path
    this.#self = self
    this.#staleSeconds = staleSeconds
  }

  /** The lock, or who has it. */
  async run(): Promise<FileLock | LockRecord> {
    for (;;) {
      const file = await create(this.#path, this.#self)
      if (file !== undefined) return new FileLock(this.#path, this.#self, file)
      const record = await readRecord(this.#path)
      if (record === undefined) {
        await refuseDangling(this.#path)
        continue
      }
      const now = performance.now() / 1000
      const every = Math.min(STALE_CHECK_SECONDS, this.#staleSeconds)
      if (this.#checked.token === record.token && now - this.#checked.at < every) return record
      this.#checked = { token: record.token, at: now }
      if (!(await takeOver(this.#path, record, this.#self, this.#staleSeconds))) return record
    }
  }
}

/** A link to nothing takes the name, and has no holder who could ever give it back. */
async function refuseDangling(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isSymbolicLink() !== true) return
  throw new DatamaestroError("STORAGE_FAILED", `Cannot lock "${path}": it is a symbolic link that leads nowhere`, {
    hint: "remove that link",
    details: { path },
  })
}

async function create(path: string, self: Holder): Promise<FileHandle | undefined> {
  try {
    return await createRecord(path, self)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error
    await makeFolder(dirname(path))
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
  #ours = false
  readonly #look = sharedRun(async () => {
    this.#ours = (await readRecord(this.#path))?.token === this.#self.token
  })

  constructor(path: string, self: Holder, file: FileHandle) {
    this.#path = path
    this.#self = self
    this.#file = file
    this.#timer = setInterval(() => {
      // A heartbeat that fails (disk full, server away) is tried again at the next tick; staleness is the others' call.
      this.#beating = this.#beating.then(() => beat(this.#file, this.#self, this.#path).catch(() => {}))
    }, HEARTBEAT_SECONDS * 1000)
    this.#timer.unref()
  }

  async held(): Promise<boolean> {
    if (this.#released !== undefined) return false
    await this.#look().catch((error: unknown) => {
      throw storageError(error, `look at the lock "${this.#path}"`)
    })
    return this.#ours
  }

  release(): Promise<void> {
    this.#released ??= this.#release()
    return this.#released
  }

  async #release(): Promise<void> {
    clearInterval(this.#timer)
    await this.#beating
    // What a heartbeat leaves behind on the server is of no interest any more.
    await this.#file.close().catch(() => {})
    try {
      const record = await readRecord(this.#path)
      if (record?.token !== this.#self.token) return
      try {
        await removeClaimed(this.#path, this.#self.token, await thisHolder(), CLAIM_SECONDS)
      } catch {
        // A full disk takes no claim; but a lock must not outlive its holder for that.
        await removeFile(this.#path)
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return
      throw storageError(error, `release the lock "${this.#path}"`)
    }
  }
}
