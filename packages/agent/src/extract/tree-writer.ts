import { createHash, type Hash } from "node:crypto"
import {
  closeSync,
  constants,
  copyFileSync,
  futimesSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs"
import { join } from "node:path"
import type { PlacedFile } from "../pipeline-types.ts"
import { unsafeArchive } from "./unsafe-archive.ts"
import { linkEscapes } from "./link-targets.ts"
import type { Member } from "./member.ts"

type Entry =
  | { kind: "file"; bytes: number; sha256: string }
  | { kind: "directory"; mtime: Date | undefined }
  | { kind: "symlink"; target: string; mtime: Date | undefined; name: string }

/** The body of one file that is being written. */
export interface FileSink {
  write(chunk: Uint8Array): void
  /** Sets the time, closes, and records size and SHA-256. */
  end(): void
  /** Closes and removes the unfinished file. */
  discard(): void
}

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/**
 * Writes the members of an archive below a new, empty folder. Writes are synchronous: for many small files that is
 * several times faster than a stream each.
 *
 * No write can pass through a link: every file is created anew (`O_EXCL`, `O_NOFOLLOW`), every folder on the way was
 * made here, and symbolic links are made in `finish()`, when nothing is written any more. Of members with the same
 * name the last one wins, as in tar; a name that is both a file and a folder is refused. Names that only the file
 * system takes for the same (letter case, Unicode form) are refused too, instead of one silently replacing another.
 */
export class TreeWriter {
  readonly #root: string
  readonly #archive: string
  readonly #entries = new Map<string, Entry>()

  constructor(root: string, archive: string) {
    this.#root = root
    this.#archive = archive
    mkdirSync(root, { recursive: true })
  }

  /** How many files were written. */
  get files(): number {
    let count = 0
    for (const entry of this.#entries.values()) if (entry.kind === "file") count++
    return count
  }

  directory(path: readonly string[], member: Member): void {
    this.#makeDirectories(path, member)
    const entry = this.#entries.get(path.join("/"))
    if (entry?.kind === "directory") entry.mtime = member.mtime
  }

  file(path: readonly string[], member: Member): FileSink {
    const key = this.#makeRoom(path, member)
    const target = join(this.#root, key)
    const fd = this.#create(() => openSync(target, NEW_FILE, fileMode(member.mode)), member)
    const hash = createHash("sha256")
    return new OpenFile(fd, target, hash, member.mtime, (bytes) =>
      this.#entries.set(key, { kind: "file", bytes, sha256: hash.digest("hex") }),
    )
  }

  /** Remembers a symbolic link; it is checked and made by `finish()`. */
  symlink(path: readonly string[], member: Member, target: string): void {
    const key = this.#makeRoom(path, member)
    this.#entries.set(key, { kind: "symlink", target, mtime: member.mtime, name: member.name })
  }

  /** A second name of a file that came earlier. */
  hardlink(path: readonly string[], member: Member, existing: readonly string[] | undefined): void {
    const from = existing?.join("/")
    const entry = from === undefined ? undefined : this.#entries.get(from)
    if (from === undefined || entry === undefined || entry.kind === "directory") {
      throw unsafeArchive(
        this.#archive,
        member.name,
        "is a hard link to something that is no earlier file of the archive",
      )
    }
    if (from === path.join("/")) return
    const key = this.#makeRoom(path, member)
    if (entry.kind === "file") this.#create(() => linkOrCopy(join(this.#root, from), join(this.#root, key)), member)
    this.#entries.set(key, { ...entry, ...(entry.kind === "symlink" ? { name: member.name } : {}) })
  }

  /** What was written, files and links, as paths below the root. */
  written(): string[][] {
    return [...this.#entries].filter(([, entry]) => entry.kind !== "directory").map(([key]) => key.split("/"))
  }

  /** Nothing was written, not even a folder. */
  get empty(): boolean {
    return this.#entries.size === 0
  }

  /** Takes a file or link away again, and the folders that this leaves empty. */
  drop(path: readonly string[]): void {
    const key = path.join("/")
    if (this.#entries.get(key)?.kind === "file") unlinkSync(join(this.#root, key))
    this.#entries.delete(key)
    for (let length = path.length - 1; length > 0; length--) {
      const folder = path.slice(0, length).join("/")
      try {
        rmdirSync(join(this.#root, folder))
      } catch {
        return
      }
      this.#entries.delete(folder)
    }
  }

  /**
   * Makes the links, sets the folders' times, and lists the files relative to `root` (parts below the writer's own).
   *
   * @throws DatamaestroError UNSAFE_ARCHIVE for a link that leads out of `root`
   */
  finish(root: readonly string[]): PlacedFile[] {
    const prefix = root.length === 0 ? "" : `${root.join("/")}/`
    const links = new Map<string, Extract<Entry, { kind: "symlink" }>>()
    for (const [key, entry] of this.#entries) if (entry.kind === "symlink") links.set(key.slice(prefix.length), entry)
    for (const [path, link] of links) {
      const reason = linkEscapes(path.split("/"), links)
      if (reason !== undefined) throw unsafeArchive(this.#archive, link.name, reason)
    }
    for (const [path, link] of links) {
      const target = join(this.#root, prefix + path)
      symlinkSync(link.target, target)
      if (isTime(link.mtime)) lutimesSync(target, link.mtime, link.mtime)
    }
    const files: PlacedFile[] = []
    const folders: [string, Date][] = []
    for (const [key, entry] of this.#entries) {
      if (entry.kind === "file")
        files.push({ path: key.slice(prefix.length), bytes: entry.bytes, sha256: entry.sha256 })
      if (entry.kind === "directory" && isTime(entry.mtime)) folders.push([key, entry.mtime])
    }
    for (const [key, mtime] of folders) utimesSync(join(this.#root, key), mtime, mtime)
    return files
  }

  /** The parent folders exist and the name is free; returns it. */
  #makeRoom(path: readonly string[], member: Member): string {
    this.#makeDirectories(path.slice(0, -1), member)
    const key = path.join("/")
    const old = this.#entries.get(key)
    if (old?.kind === "directory") {
      throw unsafeArchive(this.#archive, member.name, "has the name of a folder of the same archive")
    }
    // A name with the replacement character stands for several byte sequences: these may be two different files.
    if (old !== undefined && key.includes("\uFFFD")) {
      throw unsafeArchive(this.#archive, member.name, "has a name that is not UTF-8 and cannot be told from another")
    }
    if (old?.kind === "file") unlinkSync(join(this.#root, key))
    this.#entries.delete(key)
    return key
  }

  #makeDirectories(path: readonly string[], member: Member): void {
    const whole = this.#entries.get(path.join("/"))
    if (path.length === 0 || whole?.kind === "directory") return
    this.#makeDirectories(path.slice(0, -1), member)
    if (whole?.kind === "file") {
      throw unsafeArchive(this.#archive, member.name, "would be written below a file of the same archive")
    }
    if (whole?.kind === "symlink") {
      throw unsafeArchive(this.#archive, member.name, "would be written through a symbolic link of the same archive")
    }
    this.#create(() => mkdirSync(join(this.#root, ...path)), member)
    this.#entries.set(path.join("/"), { kind: "directory", mtime: undefined })
  }

  #create<T>(make: () => T, member: Member): T {
    try {
      return make()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
      throw unsafeArchive(
        this.#archive,
        member.name,
        "differs from an earlier one only in a way that this file system does not tell apart, such as letter case",
      )
    }
  }
}

class OpenFile implements FileSink {
  readonly #fd: number
  readonly #path: string
  readonly #hash: Hash
  readonly #mtime: Date | undefined
  readonly #record: (bytes: number) => void
  #bytes = 0

  constructor(fd: number, path: string, hash: Hash, mtime: Date | undefined, record: (bytes: number) => void) {
    this.#fd = fd
    this.#path = path
    this.#hash = hash
    this.#mtime = mtime
    this.#record = record
  }

  write(chunk: Uint8Array): void {
    this.#hash.update(chunk)
    this.#bytes += chunk.length
    for (let offset = 0; offset < chunk.length;) offset += writeSync(this.#fd, chunk, offset)
  }

  end(): void {
    try {
      if (isTime(this.#mtime)) futimesSync(this.#fd, this.#mtime, this.#mtime)
    } finally {
      closeSync(this.#fd)
    }
    this.#record(this.#bytes)
  }

  discard(): void {
    closeSync(this.#fd)
    rmSync(this.#path, { force: true })
  }
}

/** Permissions come from the umask; of the archive's only the execute bits are taken, never setuid, setgid or sticky. */
function fileMode(declared: number | undefined): number {
  return 0o666 | ((declared ?? 0) & 0o111)
}

/** A file system without hard links, or with too many to one file, gets a copy. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== "EPERM" && code !== "ENOTSUP" && code !== "ENOSYS" && code !== "EMLINK" && code !== "EOPNOTSUPP")
      throw error
    copyFileSync(from, to, constants.COPYFILE_EXCL)
  }
}

function isTime(time: Date | undefined): time is Date {
  return time !== undefined && Number.isFinite(time.getTime()) && time.getTime() >= 0
}
