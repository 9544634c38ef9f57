import { mkdirSync, openSync, renameSync, rmdirSync, unlinkSync, utimesSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import type { FileList } from "../store/file-list.ts"
import { unsafeArchive } from "./unsafe-archive.ts"
import { HeldFile, NEW_FILE, OpenFile, WRITE_BACK_BYTES, writeNewFile, type FileSink } from "./file-sinks.ts"
import { linkOrCopy } from "./link-or-copy.ts"
import { makeSymlinks, type Symlink } from "./make-symlinks.ts"
import { nameParts, timeOf, type Member } from "./member.ts"
import { ParallelWrites } from "./parallel-writes.ts"
import { SecondWriter } from "./second-writer.ts"
import { StoragePace } from "../store/storage-pace.ts"
import { fileMode, isDirectory, type TreeEntry } from "./tree-entry.ts"
import { withoutTimes } from "./without-times.ts"
import { WriteBack } from "./write-back.ts"
import { WrittenFiles } from "./written-files.ts"

/** After so many files a second thread is worth its start. */
const MANY_FILES = 64

/** Up to here a file is held until it is whole, where storage is slow. */
const HELD_BYTES = 1024 * 1024

/**
 * Writes the members of an archive below a new, empty folder. Writes are synchronous: for many small files that is
 * several times faster than a stream each. A second thread takes its share of small files, so many as it gets done. Where
 * the first files show that each operation is a round trip, small files are written side by side instead; `settle()`
 * before anything else is done with them, and `close()` at last.
 *
 * No write can pass through a link: every file is created anew (`O_EXCL`, `O_NOFOLLOW`), every folder on the way was
 * made here, and symbolic links are made in `finish()`, when nothing is written any more. Of members with the same
 * name the last one wins, as in tar; a name that is both a file and a folder is refused. Names that only the file
 * system takes for the same (letter case, Unicode form) are refused too, instead of one silently replacing another.
 */
export class TreeWriter {
  readonly #root: string
  readonly #archive: string
  readonly #entries = new Map<string, TreeEntry>()
  /** The names' bytes, of those that are not UTF-8. */
  readonly #bytes = new Map<string, string>()
  readonly #files = new WrittenFiles()
  readonly #pace: StoragePace
  readonly #writes = new ParallelWrites()
  /** Names under which an older file of the archive is still being written: it goes once it is there. */
  readonly #replaced = new Set<string>()
  readonly #writeBack: WriteBack
  #second: SecondWriter | undefined
  #started = 0
  #late = 0

  constructor(root: string, archive: string, pace = new StoragePace()) {
    this.#root = root
    this.#archive = archive
    this.#pace = pace
    this.#writeBack = new WriteBack(root)
    mkdirSync(root, { recursive: true })
  }

  directory(path: readonly string[], member: Member): void {
    this.#makeDirectories(path, member)
    const entry = this.#entries.get(path.join("/"))
    if (isDirectory(entry)) entry.mtime = member.mtime
  }

  file(path: readonly string[], member: Member): FileSink {
    const key = this.#makeRoom(path, member)
    const target = join(this.#root, key)
    const mode = fileMode(member.mode)
    const record = (bytes: number, sha256: string): void => {
      this.#entries.set(key, this.#files.add(bytes, sha256))
    }
    const replaces = this.#replaced.delete(key)
    if (this.#pace.slow && member.size <= HELD_BYTES) {
      return new HeldFile((content, bytes, sha256) => {
        record(bytes, sha256)
        this.#writes.start(key, bytes, [], async () => {
          if (replaces) unlinkSync(target)
          await writeNewFile(target, mode, content, member.mtime).catch((error: unknown) => this.#refuse(error, member))
        })
      })
    }
    // Larger ones see to it themselves, and slow storage has each file when it is closed.
    if (member.size < WRITE_BACK_BYTES && !this.#pace.slow) this.#writeBack.add(member.size)
    const sink = replaces ? undefined : this.#secondFile(key, target, mode, member)
    if (sink !== undefined) return sink
    if (!replaces) {
      const fd = this.#create(() => this.#pace.timed(() => openSync(target, NEW_FILE, mode)), member)
      return new OpenFile(fd, target, member.mtime, record, (work) => this.#writes.start(key, 0, [], () => work))
    }
    // Beside the older one, which may still be being written.
    const late = this.#lateName()
    return new OpenFile(
      openSync(late, NEW_FILE, mode),
      late,
      member.mtime,
      (bytes, sha256) => {
        record(bytes, sha256)
        this.#writes.start(key, 0, [], async () => renameSync(late, target))
      },
      (work) => this.#writes.start(key, 0, [], () => work),
    )
  }

  /** Remembers a symbolic link; it is checked and made by `finish()`. */
  symlink(path: readonly string[], member: Member, target: string): void {
    const key = this.#makeRoom(path, member)
    const old = join(this.#root, key)
    if (this.#replaced.delete(key)) this.#writes.start(key, 0, [], async () => unlinkSync(old))
    this.#entries.set(key, { kind: "symlink", target, mtime: member.mtime, name: member.name })
  }

  /** A second name of a file that came earlier. */
  hardlink(path: readonly string[], member: Member, existing: readonly string[] | undefined): void {
    const from = existing?.join("/")
    const entry = from === undefined ? undefined : this.#entries.get(from)
    if (from === undefined || entry === undefined || isDirectory(entry)) {
      throw unsafeArchive(
        this.#archive,
        member.name,
        "is a hard link to something that is no earlier file of the archive",
      )
    }
    if (from === path.join("/")) return
    const key = this.#makeRoom(path, member)
    if (typeof entry === "number") this.#link(from, key, member)
    else if (this.#replaced.delete(key)) {
      const old = join(this.#root, key)
      this.#writes.start(key, 0, [], async () => unlinkSync(old))
    }
    // A file's is the same: its sum may not be known yet.
    this.#entries.set(key, typeof entry === "number" ? entry : { ...entry, name: member.name })
  }

  /** Whether something of the archive has the name already. */
  has(path: readonly string[]): boolean {
    return this.#entries.has(path.join("/"))
  }

  /** Rejects with the first failure of a write; waits while too many are under way. */
  room(): Promise<void> | undefined {
    const failure = this.#second?.failure
    return failure === undefined ? this.#writes.room() : Promise.reject(failure.error)
  }

  /** Waits until everything is written; rejects with the first failure, when nothing is written any more. */
  async settle(): Promise<void> {
    const second = await this.#second?.settle().then(
      () => undefined,
      (error: unknown) => ({ error }),
    )
    await this.#writes.settle()
    if (second !== undefined) throw second.error
  }

  /** Ends what it started beside. */
  async close(): Promise<void> {
    this.#writeBack.close()
    await this.#second?.close()
  }

  /** What was written, files and links, as paths below the root. */
  *written(): Generator<string[]> {
    for (const [key, entry] of this.#entries) if (!isDirectory(entry)) yield key.split("/")
  }

  /** The links, as paths below `root`. */
  links(root: readonly string[]): string[] {
    const length = root.length === 0 ? 0 : root.join("/").length + 1
    const names: string[] = []
    for (const [key, entry] of this.#entries) {
      if (typeof entry === "object" && entry.kind === "symlink") names.push(key.slice(length))
    }
    return names
  }

  /** Takes a file or link away again, and the folders that this leaves empty. */
  drop(path: readonly string[]): void {
    const key = path.join("/")
    if (typeof this.#entries.get(key) === "number") unlinkSync(join(this.#root, key))
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
  finish(root: readonly string[]): FileList {
    const prefix = root.length === 0 ? "" : `${root.join("/")}/`
    const links = new Map<string, Symlink>()
    const folders: [string, Date][] = []
    const names: string[] = []
    const files: number[] = []
    for (const [key, entry] of this.#entries) {
      if (typeof entry === "number") {
        names.push(key)
        files.push(entry)
      } else if (entry.kind === "symlink") links.set(key.slice(prefix.length), entry)
      else {
        const time = timeOf(entry.mtime)
        if (time !== undefined) folders.push([key, time])
      }
    }
    makeSymlinks(join(this.#root, prefix), links, this.#archive)
    for (const [key, mtime] of folders) {
      try {
        utimesSync(join(this.#root, key), mtime, mtime)
      } catch (error) {
        withoutTimes(error)
      }
    }
    return this.#files.list(names, files, prefix.length)
  }

  /** Has it written by the second thread, if that is there and has time. */
  #secondFile(key: string, path: string, mode: number, member: Member): FileSink | undefined {
    if (this.#pace.slow) return undefined
    if (++this.#started === MANY_FILES && availableParallelism() > 1) this.#second = this.#startSecond()
    const { size: bytes, mtime, name } = member
    return this.#second?.file({ key, path, mode, bytes, mtime, name })
  }

  #startSecond(): SecondWriter {
    return new SecondWriter({
      given: (key, bytes) => {
        const file = this.#files.add(bytes)
        this.#entries.set(key, file)
        return file
      },
      done: (file, sha256) => this.#files.setSum(file, sha256),
      failure: (error, name) => this.#refusal(error, name),
    })
  }

  /** Whether a file is still being written; if by the second thread, what follows under its name waits for that. */
  #isWriting(key: string): boolean {
    const second = this.#second
    if (second?.has(key) === true && !this.#writes.has(key)) this.#writes.start(key, 0, [], () => second.settle())
    return this.#writes.has(key)
  }

  /** The parent folders exist and the name is free; returns it. */
  #makeRoom(path: readonly string[], member: Member): string {
    this.#makeDirectories(path.slice(0, -1), member)
    const key = path.join("/")
    const old = this.#entries.get(key)
    if (isDirectory(old)) {
      throw unsafeArchive(this.#archive, member.name, "has the name of a folder of the same archive")
    }
    const bytes = member.bytes && nameParts(member.bytes).slice(-path.length).join("/")
    if (old !== undefined && this.#bytes.get(key) !== bytes) {
      throw unsafeArchive(this.#archive, member.name, "has a name that is not UTF-8 and cannot be told from another")
    }
    if (bytes !== undefined) this.#bytes.set(key, bytes)
    this.#entries.delete(key)
    if (typeof old === "number") {
      if (this.#isWriting(key)) this.#replaced.add(key)
      else unlinkSync(join(this.#root, key))
    }
    return key
  }

  #makeDirectories(path: readonly string[], member: Member): void {
    const whole = this.#entries.get(path.join("/"))
    if (path.length === 0 || isDirectory(whole)) return
    this.#makeDirectories(path.slice(0, -1), member)
    if (typeof whole === "number") {
      throw unsafeArchive(this.#archive, member.name, "would be written below a file of the same archive")
    }
    if (whole !== undefined) {
      throw unsafeArchive(this.#archive, member.name, "would be written through a symbolic link of the same archive")
    }
    this.#create(() => mkdirSync(join(this.#root, ...path)), member)
    this.#entries.set(path.join("/"), { kind: "directory", mtime: undefined })
  }

  #link(from: string, key: string, member: Member): void {
    const [source, target] = [join(this.#root, from), join(this.#root, key)]
    const replaces = this.#replaced.delete(key)
    if (!replaces && !this.#isWriting(from)) return this.#create(() => linkOrCopy(source, target), member)
    this.#writes.start(key, 0, [from], async () => {
      if (replaces) unlinkSync(target)
      this.#create(() => linkOrCopy(source, target), member)
    })
  }

  /** Outside the root, where no member can have it, in the same folder. */
  #lateName(): string {
    return `${this.#root}.late-${this.#late++}`
  }

  #create<T>(make: () => T, member: Member): T {
    try {
      return make()
    } catch (error) {
      return this.#refuse(error, member)
    }
  }

  #refuse(error: unknown, member: Member): never {
    throw this.#refusal(error, member.name)
  }

  #refusal(error: unknown, name: string): unknown {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") return error
    return unsafeArchive(
      this.#archive,
      name,
      "differs from an earlier one only in a way that this file system does not tell apart, such as letter case",
    )
  }
}
