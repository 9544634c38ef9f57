import { MadeJson } from "./json-text.ts"

/** A file as the manifest records it, its path relative to the dataset's folder. */
export interface ManifestFile {
  path: string
  bytes: number
  /** Lower-case hex; absent for what was adopted unverified. */
  sha256?: string | undefined
}

/** Any number of them, which need not be there as objects. */
export interface Files<T extends ManifestFile = ManifestFile> extends Iterable<T> {
  readonly length: number
  /** Of all of them together, where that is known without going through them. */
  readonly bytes?: number | undefined
  /** Theirs as JSON, where that is wanted several times. */
  readonly json?: MadeJson
}

/** A row of a `FileList`: the size, then the SHA-256. */
export const ROW = { numbers: 5, bytes: 40, sum: 8 } as const

/**
 * Files as two pieces of memory, which threads can hand to each other: some 40 bytes a file and its name, where an
 * object and its strings take 250.
 */
export class FileList implements Files<Required<ManifestFile>> {
  /** UTF-8, each name ended by a NUL, which no name of a file has. */
  readonly names: Uint8Array
  readonly rows: Float64Array

  /** @param list may be one that came from another thread, where classes are lost */
  constructor({ names, rows }: Pick<FileList, "names" | "rows">) {
    this.names = names
    this.rows = rows
  }

  get length(): number {
    return this.rows.length / ROW.numbers
  }

  /** Of all files together. */
  get bytes(): number {
    let sum = 0
    for (let at = 0; at < this.rows.length; at += ROW.numbers) sum += this.rows[at] ?? 0
    return sum
  }

  *[Symbol.iterator](): Generator<{ path: string; bytes: number; sha256: string }> {
    const { rows } = this
    const names = Buffer.from(this.names.buffer, this.names.byteOffset, this.names.byteLength)
    const sums = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength)
    for (let index = 0, start = 0; index < this.length; index++) {
      const end = names.indexOf(0, start)
      const path = names.toString("utf8", start, end)
      const at = index * ROW.bytes
      yield {
        path,
        bytes: rows[index * ROW.numbers] ?? 0,
        sha256: sums.toString("hex", at + ROW.sum, at + ROW.bytes),
      }
      start = end + 1
    }
  }
}

/** Files of folders that are placed below `target`, which may be "", one folder after the other. */
export function filesBelow<T extends ManifestFile>(target: string, ...folders: readonly Files<T>[]): Files<T> {
  return {
    length: folders.reduce((sum, { length }) => sum + length, 0),
    get bytes() {
      return folders.reduce((sum, files) => sum + totalBytes(files), 0)
    },
    *[Symbol.iterator]() {
      for (const files of folders) {
        for (const file of files) yield target === "" ? file : { ...file, path: `${target}/${file.path}` }
      }
    },
  }
}

/** The text of more takes too much memory. */
const MOST_AS_JSON = 50_000

/** The same files, with their JSON unless there are too many. */
export function withJson<T extends ManifestFile>(files: Files<T>): Files<T> {
  if (files.length > MOST_AS_JSON) return files
  const { length, bytes } = files
  return { length, bytes, json: new MadeJson(files), [Symbol.iterator]: () => files[Symbol.iterator]() }
}

export function pathsOf(files: Files): Iterable<string> & { readonly length: number } {
  return {
    length: files.length,
    *[Symbol.iterator]() {
      for (const { path } of files) yield path
    },
  }
}

export function totalBytes(files: Files): number {
  if (files.bytes !== undefined) return files.bytes
  let sum = 0
  for (const { bytes } of files) sum += bytes
  return sum
}
