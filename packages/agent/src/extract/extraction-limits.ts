import { DatamaestroError } from "@datamaestro/protocol"
import { freeSpace } from "../store/free-space.ts"
import { decompressionBomb } from "./unsafe-archive.ts"

/** Deflate itself cannot exceed 1032, so this stops bombs of the denser formats and of nested data. */
const MAX_RATIO = 1000
/** Small archives may have any ratio: a few kilobytes of zeros are no bomb. */
const RATIO_FLOOR = 128 * 1024 * 1024

/** Holds an extraction against the free space and against what its archive can honestly hold. */
export class ExtractionLimits {
  readonly #archive: string
  readonly #available: number
  readonly #inodes: number
  #declared = 0

  constructor(archive: string, available: number, inodes: number) {
    this.#archive = archive
    this.#available = available
    this.#inodes = inodes
  }

  /** With what the file system of `folder` has free for us (not for root only). */
  static async of(archive: string, folder: string): Promise<ExtractionLimits> {
    const { bytes, files } = (await freeSpace(folder)) ?? { bytes: Infinity, files: Infinity }
    return new ExtractionLimits(archive, bytes, files)
  }

  /** The bytes and files that are going to be written, as far as the archive declares them beforehand. */
  requireSpace(bytes: number, files = 0): void {
    this.#declared += bytes
    if (this.#declared > this.#available) {
      throw this.#noSpace(`it needs ${this.#declared} bytes, ${this.#available} are free`, {
        wanted: this.#declared,
        found: this.#available,
      })
    }
    if (files > this.#inodes) {
      throw this.#noSpace(`it has ${files} files or more, the file system takes ${this.#inodes} more (inodes)`, {
        wanted: files,
        found: this.#inodes,
      })
    }
  }

  /** `plain` bytes came out of `packed` ones so far. */
  requireRatio(plain: number, packed: number): void {
    if (plain <= RATIO_FLOOR || plain <= packed * MAX_RATIO) return
    throw decompressionBomb(this.#archive, `it expands more than ${MAX_RATIO} times, as only a decompression bomb does`)
  }

  #noSpace(reason: string, details: Record<string, unknown>): DatamaestroError {
    return new DatamaestroError("NO_SPACE", `Cannot extract "${this.#archive}": ${reason}`, {
      hint: "free some space, or choose another place with --data",
      details: { archive: this.#archive, ...details },
    })
  }
}
