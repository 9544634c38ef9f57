import { memberSegments, type Member } from "./member.ts"
import { Rows } from "./rows.ts"

/** Where the body of a member lies, and what must come out of it. */
export interface Listed {
  member: Member
  offset: number
  packed: number
  crc: number
  /** APPNOTE.TXT 4.4.5. */
  method: number
}

const TYPES = ["file", "directory", "symlink", "hardlink"] as const
const WIDTH = 8

/**
 * The members of a zip, all of which must be known before the first is written. Of 100 000 of them whole objects would be
 * 60 MB, and the parser's own 100: kept are names and numbers, and each member is made again when it is looked at.
 */
export class ZipListing implements Iterable<Member> {
  readonly #archive: string
  readonly #names: string[] = []
  /** The names' bytes, of those that are not UTF-8. */
  readonly #bytes = new Map<number, string>()
  readonly #rows = new Rows(WIDTH)

  constructor(archive: string) {
    this.#archive = archive
  }

  get length(): number {
    return this.#names.length
  }

  add({ member: { name, bytes, type, size, mode, mtime }, offset, packed, crc, method }: Listed): void {
    if (bytes !== undefined) this.#bytes.set(this.length, bytes)
    this.#names.push(name)
    const row = this.#rows.range(this.#rows.add(), 1)
    row.set([offset, packed, crc, method, size, TYPES.indexOf(type), mode ?? NaN, mtime?.getTime() ?? NaN])
  }

  /** Each member as they come in the file, which is forgotten when it has been looked at. */
  *taken(): Generator<Listed> {
    const order = this.#order()
    for (let turn = 0; turn < this.length; turn++) {
      const index = order?.[turn] ?? turn
      yield this.#at(index)
      this.#names[index] = ""
    }
  }

  *[Symbol.iterator](): Generator<Member> {
    for (let index = 0; index < this.length; index++) yield this.#at(index).member
  }

  /** That of their places; undefined for that of the directory, whose last one is meant where a name comes twice. */
  #order(): Uint32Array | undefined {
    const places = Float64Array.from(this.#names, (_, index) => this.#rows.range(index, 1)[0] ?? 0)
    if (places.every((place, index) => index === 0 || place >= (places[index - 1] ?? 0))) return undefined
    const paths = new Set(this.#names.map((name) => memberSegments(this.#archive, name).join("/")))
    if (paths.size < this.length) return undefined
    return Uint32Array.from(places, (_, index) => index).sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0))
  }

  #at(index: number): Listed {
    const name = this.#names[index] ?? ""
    const [offset = 0, packed = 0, crc = 0, method = 0, size = 0, type = 0, mode = NaN, mtime = NaN] = this.#rows.range(
      index,
      1,
    )
    const segments = memberSegments(this.#archive, name)
    return {
      member: {
        name,
        bytes: this.#bytes.get(index),
        segments,
        type: TYPES[type] ?? "file",
        size,
        mode: Number.isNaN(mode) ? undefined : mode,
        mtime: Number.isNaN(mtime) ? undefined : new Date(mtime),
      },
      offset,
      packed,
      crc,
      method,
    }
  }
}
