import type { FileHandle } from "node:fs/promises"
import { ByteRanges, type ByteRange } from "./byte-ranges.ts"
import { syncOpenFile } from "./sync-open-file.ts"

/** The bytes of an unfinished download: which are there, and which of them are on the disk for sure. */
export class PartContent {
  readonly file: FileHandle
  readonly #ranges: ByteRanges
  #synced: ByteRanges
  #epoch = 0
  #changed = false
  #unsynced = 0
  /** Why bytes could not be put onto the disk: the system tells it once, and forgets them. */
  #failure: { error: unknown } | undefined

  /** @param ranges what is there, on the disk */
  constructor(file: FileHandle, ranges: readonly [number, number][]) {
    this.file = file
    this.#ranges = new ByteRanges(ranges)
    this.#synced = new ByteRanges(ranges)
  }

  /** Bytes from the start that are there, without a gap. */
  get bytes(): number {
    return this.#ranges.prefix
  }

  /** All bytes that are there, beyond gaps too. */
  get written(): number {
    return this.#ranges.total
  }

  /** The end of the last of them. */
  get end(): number {
    return this.#ranges.end
  }

  /** What lacks below `length`, ascending. */
  gaps(length: number): ByteRange[] {
    return this.#ranges.gaps(length)
  }

  get ranges(): [number, number][] {
    return this.#ranges.toArray()
  }

  /** Those of them that are on the disk for sure. */
  get synced(): [number, number][] {
    return this.#synced.toArray()
  }

  /** Changes when bytes that were there are given up. */
  get epoch(): number {
    return this.#epoch
  }

  /** Something is not on the disk as it is here. */
  get changed(): boolean {
    return this.#changed
  }

  /** Bytes written since `sync` was last begun. */
  get unsynced(): number {
    return this.#unsynced
  }

  /** @throws what kept earlier bytes from the disk; of the storage */
  async write(buffers: Uint8Array[], position: number): Promise<void> {
    this.requireSound()
    const { bytesWritten } = await this.file.writev(buffers, position)
    const wanted = buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0)
    this.#add(position, position + bytesWritten)
    // A short write comes before an error such as ENOSPC; writing the rest shows it.
    if (bytesWritten < wanted) await this.#writeRest(buffers, bytesWritten, position)
  }

  async #writeRest(buffers: Uint8Array[], written: number, position: number): Promise<void> {
    const all = Buffer.concat(buffers)
    for (let at = written; at < all.length;) {
      const { bytesWritten } = await this.file.write(all, at, all.length - at, position + at)
      this.#add(position + at, position + at + bytesWritten)
      at += bytesWritten
    }
  }

  #add(start: number, end: number): void {
    this.#ranges.add(start, end)
    this.#changed = true
    this.#unsynced += end - start
  }

  /** Cuts back to the first `bytes`. */
  async truncate(bytes: number): Promise<void> {
    if (bytes < this.#ranges.end) this.#epoch++
    this.#ranges.cut(bytes)
    this.#synced.cut(bytes)
    this.#changed = true
    await this.file.truncate(bytes)
  }

  /** Puts what is there now onto the disk. */
  async sync(): Promise<void> {
    const ranges = this.ranges
    const epoch = this.#epoch
    this.#unsynced = 0
    this.requireSound()
    await syncOpenFile(this.file, "datasync").catch((error: unknown) => {
      this.#failure = { error }
      throw error
    })
    if (epoch === this.#epoch) this.#synced = new ByteRanges(ranges)
    this.#changed = JSON.stringify(this.ranges) !== JSON.stringify(this.synced)
  }

  requireSound(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** After a failure nobody knows what of the later bytes is there. */
  async forgetUnsound(): Promise<void> {
    if (this.#failure === undefined) return
    await this.truncate(this.#synced.prefix)
    this.#failure = undefined
  }
}
