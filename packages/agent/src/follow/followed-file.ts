import { open, type FileHandle } from "node:fs/promises"
import type { ReadableRange } from "../compression/gunzip-in-thread.ts"
import type { AvailableBytes } from "../pipeline-types.ts"

const CHUNK_BYTES = 1024 * 1024

/** What was read so far is void: the download began anew. */
export class StaleBytes extends Error {
  constructor() {
    super("the download began anew")
  }
}

/** A whole file, or one of those that an archive was cut into. */
export interface Piece {
  path: string
  bytes: number
}

export interface OpenPiece {
  file: FileHandle
  bytes: number
}

/**
 * A download that is read while it comes. Its file is known by an open descriptor, so that the rename at the
 * download's end does not matter; a new generation of its bytes makes what was read before void.
 */
export class FollowedFile {
  #part: AvailableBytes | undefined
  #whole: { pieces: readonly Piece[]; bytes: number } | undefined
  #failure: { error: unknown } | undefined
  #wake: () => void = () => {}
  readonly #spare: Buffer[] = []
  #changed: Promise<void> = Promise.resolve()

  constructor() {
    this.#arm()
  }

  /** So much is there. */
  tell(part: AvailableBytes): void {
    this.#part = part
    this.#signal()
  }

  /** The download is whole and verified; several files are read as one. */
  end(pieces: readonly Piece[]): void {
    this.#whole = { pieces, bytes: pieces.reduce((sum, { bytes }) => sum + bytes, 0) }
    this.#signal()
  }

  /** There will be no more: everything that waits rejects with `error`. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#signal()
  }

  /** It lies in several files. */
  get inPieces(): boolean {
    return this.#whole !== undefined && this.#whole.pieces.length > 1
  }

  /** Which bytes are the valid ones; a number that grows. */
  get generation(): number {
    return this.#part?.generation ?? 0
  }

  /** Bytes of the whole file, once it is that. */
  get size(): number | undefined {
    return this.#whole?.bytes
  }

  /** Waits for the whole file. */
  async whole(): Promise<{ pieces: readonly Piece[]; bytes: number }> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error
      if (this.#whole !== undefined) return this.#whole
      await this.#changed
    }
  }

  /** The bytes from the start to the end of the whole file; throws `StaleBytes` when those read become void. */
  async *chunks(): AsyncGenerator<Buffer> {
    const opened = new Set<FileHandle>()
    try {
      for await (const { file, from, to } of this.ranges(opened)) {
        const { generation } = this
        for (let position = from; position < to;) {
          const chunk = await this.#read(file, position, to)
          // Void bytes must not be handed on: they were overwritten between the look and the read.
          if (this.generation !== generation) throw new StaleBytes()
          // Shorter than it should be: whoever reads it notices the cut.
          if (chunk === undefined && this.#whole !== undefined) return
          if (chunk === undefined) break
          position += chunk.length
          yield chunk
        }
      }
    } finally {
      await closeAll(opened)
    }
  }

  /**
   * The same bytes as ranges of open files, each told when it can be read. What was read of them is what is meant once
   * this has ended, which it does with `StaleBytes` when it is void.
   *
   * @param opened the files in use, which the caller closes
   */
  async *ranges(opened: Set<FileHandle>): AsyncGenerator<ReadableRange> {
    while (this.#part === undefined && this.#whole === undefined && this.#failure === undefined) await this.#changed
    if (this.#whole !== undefined && this.inPieces) return yield* inOrder(this.#whole.pieces, opened)
    const { generation } = this
    let file: FileHandle | undefined
    for (let position = 0; ;) {
      if (this.#failure !== undefined) throw this.#failure.error
      if (this.generation !== generation) throw new StaleBytes()
      // Taken before anything is waited for, so that no news is missed meanwhile.
      const changed = this.#changed
      const there = this.#whole?.pieces[0] ?? this.#part
      if (this.#whole !== undefined && position >= this.#whole.bytes) return
      if (there !== undefined && position < there.bytes) {
        if (file === undefined) {
          file = await openIfThere(there.path)
          if (file !== undefined) opened.add(file)
          // Of other bytes, if news came meanwhile.
          if (file !== undefined) continue
        } else {
          yield { file, from: position, to: there.bytes }
          position = there.bytes
          continue
        }
        // Whole, and yet not there: whoever reads it notices the cut.
        if (this.#whole?.pieces[0] === there) return
      }
      await changed
    }
  }

  /** Opens it for reading at any place that is there, as soon as its size is known and its end is there. */
  async open(): Promise<OpenPiece[]> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error
      const changed = this.#changed
      if (this.#whole !== undefined) return await openAll(this.#whole.pieces)
      const { generation } = this
      const part = this.#part
      const file = part !== undefined && hasEnd(part) ? await openIfThere(part.path) : undefined
      if (part?.total !== undefined && file !== undefined) {
        if (this.generation === generation) return [{ file, bytes: part.total }]
        await file.close()
      } else await changed
    }
  }

  /** Where the bytes end that are there from `position` on without a gap; `position` where there are none. */
  endOfThose(position: number): number {
    if (this.#whole !== undefined) return Math.max(position, this.#whole.bytes)
    const { bytes = 0, total = 0, endFrom = total } = this.#part ?? {}
    return Math.max(position, position >= endFrom ? total : bytes)
  }

  /** Waits until those up to `end` are there; of the generation that is meant, else throws `StaleBytes`. */
  async until(position: number, end: number, generation: number): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error
      if (this.generation !== generation) throw new StaleBytes()
      if (this.#whole !== undefined || this.endOfThose(position) >= end) return
      await this.#changed
    }
  }

  /** Takes back the memory of a chunk, to be read into again: fresh memory for all costs time and collections. */
  recycle({ buffer }: Uint8Array): void {
    if (buffer instanceof ArrayBuffer && buffer.byteLength === CHUNK_BYTES) this.#spare.push(Buffer.from(buffer))
  }

  async #read(file: FileHandle, position: number, end: number): Promise<Buffer | undefined> {
    const length = Math.min(CHUNK_BYTES, end - position)
    const buffer = this.#spare.pop() ?? Buffer.allocUnsafe(length)
    const { bytesRead } = await file.read(buffer, 0, length, position)
    return bytesRead === 0 ? undefined : buffer.subarray(0, bytesRead)
  }

  #signal(): void {
    const wake = this.#wake
    this.#arm()
    wake()
  }

  #arm(): void {
    this.#changed = new Promise((resolve) => (this.#wake = resolve))
  }
}

/** Whole files, one after the other, open no longer than each is read. */
async function* inOrder(pieces: readonly Piece[], opened: Set<FileHandle>): AsyncGenerator<ReadableRange> {
  for (const { path, bytes } of pieces) {
    const file = await open(path, "r")
    opened.add(file)
    yield { file, from: 0, to: bytes }
    opened.delete(file)
    await file.close()
  }
}

async function closeAll(opened: Set<FileHandle>): Promise<void> {
  for (const file of opened) await file.close()
  opened.clear()
}

async function openAll(pieces: readonly Piece[]): Promise<OpenPiece[]> {
  const opened: OpenPiece[] = []
  try {
    for (const { path, bytes } of pieces) opened.push({ file: await open(path, "r"), bytes })
  } catch (error) {
    for (const { file } of opened) await file.close()
    throw error
  }
  return opened
}

/** It can be read from its end on: its size is known. */
export function hasEnd({ bytes, total, endFrom }: AvailableBytes): boolean {
  return total !== undefined && (endFrom !== undefined || bytes === total)
}

/** Undefined while it is being renamed. */
async function openIfThere(path: string): Promise<FileHandle | undefined> {
  return await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined
    throw error
  })
}
