import { corruptArchive, printable } from "../compression/damaged-archive.ts"
import type { FileSink } from "./file-sinks.ts"
import { memberSegments, type Member } from "./member.ts"
import { nameText } from "./name-text.ts"
import { SparseFile } from "./sparse-file.ts"
import { addFurther, oldSparseMap, SparseMap, SparseMapReader } from "./sparse-map.ts"
import { readExtension, type SparseExtension, type TarExtension } from "./tar-extension.ts"
import type { TarHeader } from "./tar-header.ts"
import { unsafeArchive } from "./unsafe-archive.ts"
import { unsupportedMember } from "./unsupported-member.ts"

/** What is done with each member, in the archive's order; synchronous, and what it throws ends the reading. */
export interface TarVisitor {
  /** A sink for the body, or undefined if it is not wanted. */
  file(member: Member): FileSink | undefined
  directory(member: Member): void
  symlink(member: Member, target: string): void
  hardlink(member: Member, target: string[]): void
}

/** What follows a header, and where it goes if it is wanted. */
export interface TarContent {
  bytes: number
  sink?: FileSink | SparseFile | undefined
}

/** Names and times take some hundred bytes. */
const MOST_EXTENSION_BYTES = 1024 * 1024

/** By `typeflag`. */
const FILES = new Set(["0", "7"])
const DIRECTORIES = new Set(["5", "D"])
const SYMLINK = "2"
const HARDLINK = "1"
const DEVICES: Readonly<Record<string, string>> = { 3: "CharacterDevice", 4: "BlockDevice", 6: "FIFO" }
/** Headers of pax (Solaris' too) and of GNU's long names, for the member that follows or, `g`, for all. */
const EXTENSIONS = new Set(["x", "X", "g", "L", "K"])
/** What `tar -V` calls the archive. */
const LABEL = "V"
const OLD_SPARSE = "S"
/** Whatever size they declare. */
const WITHOUT_CONTENT = new Set(["1", "2", "3", "4", "5", "6"])

/** Makes members of a tar's headers, and has them visited. */
export class TarMembers {
  readonly #visitor: TarVisitor
  readonly #archive: string
  #last: string | undefined
  #ofAll: TarExtension = {}
  #ofNext: TarExtension = {}
  /** A sparse member whose map goes on in the next block. */
  #mapping: { header: TarHeader; map: SparseMap } | undefined

  constructor(visitor: TarVisitor, archive: string) {
    this.#visitor = visitor
    this.#archive = archive
  }

  /** The name of the member that was read last, for errors. */
  get last(): string | undefined {
    return this.#last
  }

  /** The next block is for `further`. */
  get wantsBlock(): boolean {
    return this.#mapping !== undefined
  }

  /** Takes a header and the block that it is; undefined: a further block comes. */
  begin(header: TarHeader, block: Buffer): TarContent | undefined {
    const { type, size } = header
    if (EXTENSIONS.has(type)) return this.#extension(type, this.#sound(size))
    if (type === LABEL) return { bytes: this.#sound(size) }
    const extension = { ...this.#ofAll, ...this.#ofNext }
    this.#ofNext = {}
    const name = extension.sparse?.name ?? extension.name ?? header.name
    // As tar wrote folders before there was a type of them.
    const isOldDirectory = FILES.has(type) && name.endsWith("/")
    const member: TarHeader = {
      ...header,
      name,
      link: extension.link ?? header.link,
      mtime: extension.mtime ?? header.mtime,
      size: WITHOUT_CONTENT.has(type) || isOldDirectory ? 0 : this.#sound(extension.size ?? size),
    }
    this.#last = nameText(name).text
    if (type === OLD_SPARSE && header.gnu) return this.#oldSparse(member, block)
    if (!FILES.has(type) || isOldDirectory) return this.#other(member)
    if (extension.sparse !== undefined) return this.#sparse(member, extension.sparse)
    return { bytes: member.size, sink: this.#sink(member, member.size) }
  }

  /** Takes a block behind the header that began with `begin`. */
  further(block: Buffer): TarContent | undefined {
    if (this.#mapping === undefined) throw new Error("no block is wanted")
    const { header, map } = this.#mapping
    if (addFurther(map, block)) return undefined
    this.#mapping = undefined
    return this.#mapped(header, map)
  }

  #extension(type: string, bytes: number): TarContent {
    if (bytes > MOST_EXTENSION_BYTES) throw this.#corrupt("an extended header is too long")
    const chunks: Buffer[] = []
    const take = (): void => {
      const known = type === "g" ? this.#ofAll : this.#ofNext
      const extension = readExtension(type, Buffer.concat(chunks), known)
      if (extension === undefined) throw this.#corrupt("an extended header is damaged")
      if (type === "g") this.#ofAll = extension
      else this.#ofNext = extension
    }
    // A copy: the memory is used again.
    const write = (chunk: Uint8Array): void => void chunks.push(Buffer.from(chunk))
    return { bytes, sink: { write, end: take, discard: () => {} } }
  }

  #oldSparse(header: TarHeader, block: Buffer): TarContent | undefined {
    const { map, more } = oldSparseMap(block)
    if (!more) return this.#mapped(header, map)
    this.#mapping = { header, map }
    return undefined
  }

  #sparse(header: TarHeader, { size = NaN, map: numbers, major = "0", minor = "0" }: SparseExtension): TarContent {
    const map = new SparseMap(size)
    if (major === "1" && minor === "0") return this.#mapped(header, map, new SparseMapReader(map))
    if (major !== "0") {
      const reason = `is a sparse file of version ${printable(`${major}.${minor}`)}, which is not supported`
      throw unsupportedMember(this.#archive, nameText(header.name).text, reason)
    }
    map.addAll(numbers)
    return this.#mapped(header, map)
  }

  #mapped(header: TarHeader, map: SparseMap, reader?: SparseMapReader): TarContent {
    const bytes = header.size
    const sink = this.#sink(header, map.size)
    return sink === undefined ? { bytes } : { bytes, sink: new SparseFile(sink, map, bytes, reader) }
  }

  #sink(header: TarHeader, size: number): FileSink | undefined {
    const member = this.#memberOf({ ...header, size }, "file")
    if (member.segments.length === 0) throw unsafeArchive(this.#archive, member.name, "has no name")
    return this.#visitor.file(member)
  }

  /** Members that have no content, or none that we want. */
  #other(header: TarHeader): TarContent {
    const { type, size: bytes } = header
    const link = nameText(header.link).text
    if (link.includes("\0")) throw unsafeArchive(this.#archive, link, "has a NUL character in its name")
    if (FILES.has(type) || DIRECTORIES.has(type)) this.#visitor.directory(this.#memberOf(header, "directory"))
    else if (type === SYMLINK) this.#visitor.symlink(this.#memberOf(header, "symlink"), link)
    else if (type === HARDLINK) {
      this.#visitor.hardlink(this.#memberOf(header, "hardlink"), memberSegments(this.#archive, link))
    } else throw this.#unsupported(header)
    return { bytes }
  }

  #unsupported({ name, type }: TarHeader): unknown {
    const { text } = nameText(name)
    const device = DEVICES[type]
    if (device !== undefined) return unsafeArchive(this.#archive, text, `is a device or pipe (${device})`)
    return unsupportedMember(this.#archive, text, `is of type "${printable(type)}", which is not supported`)
  }

  #memberOf({ name: inHeader, size, mode, mtime }: TarHeader, type: Member["type"]): Member {
    const { text: name, bytes } = nameText(inHeader)
    const segments = memberSegments(this.#archive, name)
    return { name, bytes, segments, type, size, mode, mtime: mtime === undefined ? undefined : new Date(mtime * 1000) }
  }

  #sound(size: number): number {
    if (!Number.isSafeInteger(size) || size < 0) throw this.#corrupt("a header is damaged")
    return size
  }

  #corrupt(reason: string): unknown {
    return corruptArchive(this.#archive, reason, { member: this.#last })
  }
}
