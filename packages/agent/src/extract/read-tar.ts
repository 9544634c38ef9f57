import type { ReadEntry } from "tar"
import { Parser } from "tar/parse"
import { corruptArchive, truncatedArchive, unsupportedCompression } from "../compression/damaged-archive.ts"
import { KNOWN_FORMAT_BYTES, knownFormat } from "../compression/known-format.ts"
import { noMembers } from "./broken-selection.ts"
import { unsafeArchive } from "./unsafe-archive.ts"
import { unsupportedMember } from "./unsupported-member.ts"
import { memberSegments, type Member } from "./member.ts"
import type { FileSink } from "./file-sinks.ts"

/** What is done with each member, in the archive's order; synchronous, and what it throws ends the reading. */
export interface TarVisitor {
  /** A sink for the body, or undefined if it is not wanted. */
  file(member: Member): FileSink | undefined
  directory(member: Member): void
  symlink(member: Member, target: string): void
  hardlink(member: Member, target: string[]): void
}

export interface ReadTarOptions {
  archive: string
  signal: AbortSignal
  /** Bytes known to be those that the author published: a missing end-of-archive mark is then their habit, no cut. */
  whole: boolean
  /** Called after each piece, to check limits; reading goes on once its promise is fulfilled. */
  afterPiece?(): Promise<void> | undefined
}

const BLOCK = 512
/** As long is a tar of no members, by the record that tar fills with zeros. More of them are what a disk lost. */
const EMPTY_BYTES = 20 * BLOCK
/**
 * How much is parsed, and so written synchronously, before others get their turn. They get it often: the decompressor
 * works on another processor, but goes on to its next chunk in this thread.
 */
const PIECE_BYTES = 256 * BLOCK
const TURN_MILLISECONDS = 1

/**
 * Reads an uncompressed tar stream (ustar, pax, GNU) with npm tar's strict parser.
 *
 * @throws DatamaestroError TRUNCATED, CORRUPT, UNSAFE_ARCHIVE (devices, fifos, unsafe names)
 */
export async function readTar(
  source: AsyncIterable<Buffer>,
  visitor: TarVisitor,
  options: ReadTarOptions,
): Promise<void> {
  const reading = new TarReading(visitor, options)
  let turn = performance.now()
  for await (const block of inBlocks(source)) {
    for (let offset = 0; offset < block.length; offset += PIECE_BYTES) {
      reading.write(block.subarray(offset, offset + PIECE_BYTES))
      const room = options.afterPiece?.()
      if (room !== undefined) await room
      if (performance.now() - turn < TURN_MILLISECONDS) continue
      await new Promise((resolve) => setImmediate(resolve))
      options.signal.throwIfAborted()
      turn = performance.now()
    }
  }
  reading.end()
}

const SPARSE = "is a sparse file, which is not supported"

// eslint-disable-next-line no-control-regex
const PAX_NAME_WITH_NUL = /^\d+ (?:link)?path=([^\n]*\0[^\n]*)$/m

class TarReading {
  readonly #visitor: TarVisitor
  readonly #archive: string
  readonly #whole: boolean
  readonly #parser: Parser
  #fed = 0
  #start = Buffer.alloc(0)
  #sawEnd = false
  #last: string | undefined
  #open: FileSink | undefined
  #failure: unknown

  constructor(visitor: TarVisitor, { archive, whole }: ReadTarOptions) {
    this.#visitor = visitor
    this.#archive = archive
    this.#whole = whole
    // Decompression is ours: a gzip in the gzip must not be expanded behind our limits.
    this.#parser = new Parser({
      strict: true,
      brotli: false,
      zstd: false,
      onReadEntry: (entry) => this.#guarded(() => this.#entry(entry)),
    })
    this.#parser.on("ignoredEntry", (entry: ReadEntry) => this.#guarded(() => this.#ignored(entry)))
    this.#parser.on("meta", (text: string) => this.#guarded(() => this.#meta(text)))
    this.#parser.on("eof", () => (this.#sawEnd = true))
    this.#parser.on("error", (error: Error) => this.#fail(this.#parserError(error)))
  }

  write(piece: Buffer): void {
    if (this.#fed === 0 && piece[0] === 0x1f && piece[1] === 0x8b)
      this.#fail(corruptArchive(this.#archive, "it is compressed twice"))
    if (this.#fed === 0) this.#start = Buffer.from(piece.subarray(0, KNOWN_FORMAT_BYTES))
    this.#fed += piece.length
    if (this.#failure === undefined) this.#parser.write(piece)
    this.#check()
  }

  end(): void {
    if (this.#fed === 0) this.#fail(truncatedArchive(this.#archive, "it is empty"))
    if (this.#failure === undefined) this.#parser.end()
    this.#check()
    if (this.#sawEnd) return
    const cut = this.#fed % BLOCK !== 0 || !this.#whole
    if (cut) this.#fail(truncatedArchive(this.#archive, "its end mark is missing", { member: this.#last }))
    this.#check()
  }

  #entry(entry: ReadEntry): void {
    this.#last = entry.path
    if (this.#failure !== undefined) return void entry.resume()
    const member = this.#member(entry)
    if (member.type !== "file") entry.resume()
    if (member.type === "directory") return this.#visitor.directory(member)
    if (member.type === "symlink") return this.#visitor.symlink(member, entry.linkpath ?? "")
    if (member.type === "hardlink") {
      return this.#visitor.hardlink(member, memberSegments(this.#archive, entry.linkpath ?? ""))
    }
    if (member.segments.length === 0) throw unsafeArchive(this.#archive, member.name, "has no name")
    const sink = this.#visitor.file(member)
    if (sink === undefined) return void entry.resume()
    this.#open = sink
    entry.on("data", (chunk: Buffer) => this.#guarded(() => this.#failure ?? sink.write(chunk)))
    entry.on("end", () => this.#guarded(() => this.#close(entry, sink)))
  }

  #close(entry: ReadEntry, sink: FileSink): void {
    if (this.#open !== sink) return
    this.#open = undefined
    // The parser ends the entry early at the end of a cut archive.
    if (this.#failure !== undefined || entry.remain > 0) return sink.discard()
    sink.end()
  }

  #member(entry: ReadEntry): Member {
    const type = memberType(entry.type)
    if (type === undefined) throw unsafeArchive(this.#archive, entry.path, `is a device or pipe (${entry.type})`)
    const segments = memberSegments(this.#archive, entry.path)
    return { name: entry.path, segments, type, size: entry.size, mode: entry.mode, mtime: entry.mtime }
  }

  #ignored(entry: ReadEntry): void {
    // A label of the whole archive, as `tar -V` writes it.
    if (entry.type === "TapeVolumeHeader") return
    const reason = entry.type === "SparseFile" ? SPARSE : `is of type ${entry.type}, which is not supported`
    this.#fail(unsupportedMember(this.#archive, entry.path, reason))
  }

  /**
   * A sparse file in pax form looks like a plain one whose content is a map of its holes; of a name with a NUL the parser
   * keeps what comes before it.
   */
  #meta(text: string): void {
    const cut = PAX_NAME_WITH_NUL.exec(text)?.[1]
    if (cut !== undefined) this.#fail(unsafeArchive(this.#archive, cut, "has a NUL character in its name"))
    if (!/^\d+ GNU\.sparse\./m.test(text)) return
    const name = /^\d+ GNU\.sparse\.name=(.*)$/m.exec(text)?.[1]
    this.#fail(unsupportedMember(this.#archive, name ?? "?", SPARSE))
  }

  #parserError(error: Error): unknown {
    if (this.#sawEnd && this.#last === undefined && this.#fed <= EMPTY_BYTES) return noMembers(this.#archive)
    const other = this.#last === undefined ? knownFormat(this.#start) : undefined
    if (other !== undefined && other !== "a tar archive") {
      return unsupportedCompression(this.#archive, `it is ${other}, not a tar archive`)
    }
    if (error.message.includes("Truncated input")) {
      return truncatedArchive(this.#archive, "it ends within a member", { member: this.#last, cause: error })
    }
    // What the parser finds wrong with a first header tells nobody anything: a page in place of the archive has none.
    const reason = this.#last === undefined ? "it is no tar archive" : error.message.replace(/^TAR_[A-Z_]+: /, "")
    return corruptArchive(this.#archive, reason, { member: this.#last, cause: error })
  }

  /** The parser calls from within its own state machine: an exception must not unwind it half done. */
  #guarded(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error
  }

  #check(): void {
    if (this.#failure === undefined) return
    this.#open?.discard()
    this.#open = undefined
    throw this.#failure
  }
}

function memberType(type: string): Member["type"] | undefined {
  if (type === "File" || type === "OldFile" || type === "ContiguousFile") return "file"
  if (type === "Directory" || type === "GNUDumpDir") return "directory"
  if (type === "SymbolicLink") return "symlink"
  if (type === "Link") return "hardlink"
  return undefined
}

/** Whole blocks a chunk, so that the parser never decodes a header that is cut within a character. */
async function* inBlocks(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // A block that began in an earlier chunk, whose memory is used again by now.
  const cut = Buffer.alloc(BLOCK)
  let held = 0
  for await (const chunk of source) {
    const start = held === 0 ? 0 : Math.min(BLOCK - held, chunk.length)
    chunk.copy(cut, held, 0, start)
    held = held + start
    if (held === BLOCK) {
      yield Buffer.from(cut)
      held = 0
    }
    const end = chunk.length - ((chunk.length - start) % BLOCK)
    if (end > start) yield chunk.subarray(start, end)
    if (end < chunk.length && held === 0) held = chunk.copy(cut, 0, Math.max(start, end))
  }
  if (held > 0) yield cut.subarray(0, held)
}
