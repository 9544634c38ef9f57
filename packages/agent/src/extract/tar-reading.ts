import { corruptArchive, truncatedArchive, unsupportedCompression } from "../compression/damaged-archive.ts"
import { KNOWN_FORMAT_BYTES, knownFormat } from "../compression/known-format.ts"
import { SparseFile } from "./sparse-file.ts"
import { SparseMapError } from "./sparse-map.ts"
import { BLOCK, tarHeader } from "./tar-header.ts"
import { TarMembers, type TarContent, type TarVisitor } from "./tar-members.ts"

/** As long is a tar of no members, by the record that tar fills with zeros. More of them are what a disk lost. */
const EMPTY_BYTES = 20 * BLOCK

/** A tar that is being read, in pieces of any size. */
export class TarReading {
  readonly #archive: string
  readonly #members: TarMembers
  readonly #block = Buffer.alloc(BLOCK)
  #held = 0
  #fed = 0
  #start = Buffer.alloc(0)
  /** Zero blocks in a row: two are the archive's end. */
  #endMarks = 0
  #hasHeader = false
  #content: TarContent["sink"]
  #left = 0
  #padding = 0
  /** Behind its end there is more than zeros: another one, as `cat a.tar b.tar` makes it. */
  exceeded = false

  constructor(visitor: TarVisitor, archive: string) {
    this.#members = new TarMembers(visitor, archive)
    this.#archive = archive
  }

  /** Takes the next bytes; yields when others may have their turn. */
  *write(piece: Buffer): Generator<undefined> {
    this.#look(piece)
    let at = 0
    while (at < piece.length && this.#endMarks < 2) {
      if (this.#left > 0) {
        const part = piece.subarray(at, at + this.#left)
        at += part.length
        this.#left -= part.length
        if (this.#content instanceof SparseFile) yield* this.#content.write(part)
        else this.#content?.write(part)
        if (this.#left === 0) yield* this.#close()
      } else if (this.#padding > 0) {
        const passed = Math.min(this.#padding, piece.length - at)
        at += passed
        this.#padding -= passed
      } else {
        const copied = piece.copy(this.#block, this.#held, at)
        at += copied
        this.#held = (this.#held + copied) % BLOCK
        if (this.#held === 0) yield* this.#readBlock()
      }
    }
    this.exceeded ||= piece.subarray(at).some((byte) => byte !== 0)
  }

  /** @param whole a missing end mark is no cut */
  end(whole: boolean): void {
    if (this.#fed === 0) throw truncatedArchive(this.#archive, "it is empty")
    if (!this.#hasHeader && (this.#endMarks < 2 || this.#fed > EMPTY_BYTES)) throw this.#noTar()
    if (this.#left + this.#padding > 0 || this.#members.wantsBlock) throw this.#truncated("it ends within a member")
    // The first block of zeros is enough, as for tar itself: of the second one some programs know nothing.
    const rest = this.#block.subarray(0, this.#held)
    const marked = this.#endMarks > 0 && rest.every((byte) => byte === 0)
    if (!marked && (this.#held > 0 || !whole)) throw this.#truncated("its end mark is missing")
  }

  /** Leaves what is open. */
  discard(): void {
    this.#content?.discard()
    this.#content = undefined
  }

  /** An error of the reading as one that can be told. */
  told(error: unknown): unknown {
    if (!(error instanceof SparseMapError)) return error
    const options = { member: this.#members.last, cause: error }
    return corruptArchive(this.#archive, `the map of its holes is damaged (${error.message})`, options)
  }

  #look(piece: Buffer): void {
    if (this.#fed === 0) {
      if (piece[0] === 0x1f && piece[1] === 0x8b) throw corruptArchive(this.#archive, "it is compressed twice")
      this.#start = Buffer.from(piece.subarray(0, KNOWN_FORMAT_BYTES))
    }
    this.#fed += piece.length
  }

  *#readBlock(): Generator<undefined> {
    if (this.#members.wantsBlock) return yield* this.#open(this.#members.further(this.#block))
    const header = tarHeader(this.#block)
    if (header === "end") return void this.#endMarks++
    if (header === undefined && !this.#hasHeader) throw this.#noTar()
    if (header === undefined)
      throw corruptArchive(this.#archive, "a header's checksum does not fit", { member: this.#members.last })
    this.#endMarks = 0
    this.#hasHeader = true
    yield* this.#open(this.#members.begin(header, this.#block))
  }

  *#open(content: TarContent | undefined): Generator<undefined> {
    if (content === undefined) return
    this.#left = content.bytes
    this.#padding = (BLOCK - (content.bytes % BLOCK)) % BLOCK
    this.#content = content.sink
    if (content.bytes === 0) yield* this.#close()
  }

  *#close(): Generator<undefined> {
    const content = this.#content
    if (content instanceof SparseFile) yield* content.end()
    this.#content = undefined
    if (!(content instanceof SparseFile)) content?.end()
  }

  #truncated(reason: string): unknown {
    return truncatedArchive(this.#archive, reason, { member: this.#members.last })
  }

  /** What is wrong with a first header tells nobody anything: a page in place of the archive has none. */
  #noTar(): unknown {
    const other = knownFormat(this.#start)
    return other === undefined || other === "a tar archive"
      ? corruptArchive(this.#archive, "it is no tar archive")
      : unsupportedCompression(this.#archive, `it is ${other}, not a tar archive`)
  }
}
