import { createHash } from "node:crypto"
import { closeSync, constants, fdatasync, ftruncateSync, futimesSync, rmSync, writeSync } from "node:fs"
import { open } from "node:fs/promises"
import { promisify } from "node:util"
import { timeOf } from "./member.ts"
import { withoutTimes } from "./without-times.ts"

/** The body of one file that is being written. */
export interface FileSink {
  write(chunk: Uint8Array): void
  /** Goes on behind so many zeros that are left out; without it they have to be written. */
  hole?(bytes: number): void
  /** Takes the whole body deflated, instead of `write`, and checks what comes out of it; false: it can't. */
  deflated?(content: Uint8Array, expected: Deflated): boolean
  /** Sets the time, closes, and records size and SHA-256. */
  end(): void
  /** Closes and removes the unfinished file. */
  discard(): void
}

/** What must come out of a deflated body. */
export interface Deflated {
  size: number
  crc: number
  /** What is told when it is something else: zlib's error, or one with the code SIZE (and the size `found`) or CRC. */
  failure(cause: NodeJS.ErrnoException & { found?: number }, file: { name: string; size: number }): unknown
}

/** Created anew or not at all, never through a link. */
export const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

export const ZEROS = Buffer.alloc(64 * 1024)

/** What a written file is recorded as. */
export type Recorder = (bytes: number, sha256: string) => void

/** After so many bytes of a file they are put onto the disk beside the writing, so that its end does not wait for all. */
export const WRITE_BACK_BYTES = 32 * 1024 * 1024

/** A file that is open and written synchronously: for many small files several times faster than a stream each. */
export class OpenFile implements FileSink {
  readonly #fd: number
  readonly #path: string
  readonly #hash = createHash("sha256")
  readonly #mtime: Date | undefined
  readonly #record: Recorder
  readonly #later: (work: Promise<void>) => void
  #bytes = 0
  #behind = 0
  #writeBack: Promise<void> | undefined
  #failure: { error: unknown } | undefined

  /** @param later told what has to be waited for after `end()`; it may reject */
  constructor(
    fd: number,
    path: string,
    mtime: Date | undefined,
    record: Recorder,
    later: (work: Promise<void>) => void,
  ) {
    this.#fd = fd
    this.#path = path
    this.#mtime = mtime
    this.#record = record
    this.#later = later
  }

  write(chunk: Uint8Array): void {
    this.#hash.update(chunk)
    for (let offset = 0; offset < chunk.length;) {
      offset += writeSync(this.#fd, chunk, offset, chunk.length - offset, this.#bytes + offset)
    }
    this.#bytes += chunk.length
    this.#behind += chunk.length
    if (this.#behind >= WRITE_BACK_BYTES) this.#startWriteBack()
    if (this.#failure !== undefined) throw this.#failure.error
  }

  hole(bytes: number): void {
    for (let left = bytes; left > 0; left -= ZEROS.length) this.#hash.update(ZEROS.subarray(0, left))
    this.#bytes += bytes
    // Only so does the file end with it.
    ftruncateSync(this.#fd, this.#bytes)
  }

  end(): void {
    try {
      const time = timeOf(this.#mtime)
      if (time !== undefined) futimesSync(this.#fd, time, time)
    } catch (error) {
      withoutTimes(error)
    } finally {
      this.#close()
    }
    if (this.#failure !== undefined) throw this.#failure.error
    this.#record(this.#bytes, this.#hash.digest("hex"))
  }

  discard(): void {
    this.#close()
    rmSync(this.#path, { force: true })
  }

  #startWriteBack(): void {
    if (this.#writeBack !== undefined) return
    this.#behind = 0
    this.#writeBack = promisify(fdatasync)(this.#fd)
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .then(() => void (this.#writeBack = undefined))
  }

  #close(): void {
    if (this.#writeBack === undefined) return closeSync(this.#fd)
    // The descriptor is in use.
    const closed = this.#writeBack.then(() => {
      closeSync(this.#fd)
      if (this.#failure !== undefined) throw this.#failure.error
    })
    // Whoever is told may look later, or not at all once something else has failed.
    closed.catch(() => {})
    this.#later(closed)
  }
}

/** A small file that is held until it is whole, and then handed on to be written. */
export class HeldFile implements FileSink {
  readonly #hash = createHash("sha256")
  readonly #done: (content: Uint8Array[], bytes: number, sha256: string) => void
  #content: Uint8Array[] = []
  #bytes = 0

  constructor(done: (content: Uint8Array[], bytes: number, sha256: string) => void) {
    this.#done = done
  }

  write(chunk: Uint8Array): void {
    this.#hash.update(chunk)
    this.#bytes += chunk.length
    // A copy: the chunk's memory is used again.
    this.#content.push(Uint8Array.prototype.slice.call(chunk))
  }

  end(): void {
    this.#done(this.#content, this.#bytes, this.#hash.digest("hex"))
  }

  discard(): void {
    this.#content = []
  }
}

/** Writes a whole new file without holding up the thread. */
export async function writeNewFile(
  path: string,
  mode: number,
  content: readonly Uint8Array[],
  mtime: Date | undefined,
): Promise<void> {
  const file = await open(path, NEW_FILE, mode)
  try {
    for (const chunk of content) {
      for (let offset = 0; offset < chunk.length;) offset += (await file.write(chunk, offset)).bytesWritten
    }
    const time = timeOf(mtime)
    if (time !== undefined) await file.utimes(time, time).catch(withoutTimes)
  } finally {
    await file.close()
  }
}
