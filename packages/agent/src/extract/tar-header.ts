import { Header } from "tar/header"

/** All of a tar comes in blocks. */
export const BLOCK = 512

/** A header as it stands there: ustar (POSIX.1-1988), GNU's or that of Unix V7. Names are bytes, a character each. */
export interface TarHeader {
  /** `typeflag`, the same character for a file in all of them. */
  type: string
  name: string
  link: string
  /** NaN where it is none. */
  size: number
  mode: number | undefined
  /** Seconds since 1970. */
  mtime: number | undefined
  gnu: boolean
}

/** Where names begin and end, of which npm tar loses the bytes that are not UTF-8. */
const NAME = [0, 100] as const
const LINK = [157, 257] as const
const PREFIX = [345, 500] as const
const SIZE = 124
const SUM = [148, 156] as const
const TYPE = 156
const MAGIC = [257, 263] as const
const SPACE = 0x20
const DIRECTORY = 0x35
/** The type of a file that npm tar takes as it is. */
const CONTIGUOUS = "7"

/**
 * What the block says, its checksum and numbers read by npm tar; undefined where it is damaged; `"end"`: it is all zeros.
 */
export function tarHeader(block: Buffer): TarHeader | "end" | undefined {
  const header = soundHeader(block)
  if (header === undefined) return undefined
  if (header.nullBlock) return "end"
  const magic = block.toString("latin1", ...MAGIC)
  const name = tarText(block, ...NAME)
  const prefix = magic === "ustar\0" ? tarText(block, ...PREFIX) : ""
  const type = block[TYPE] ?? 0
  const { mode, mtime } = header
  const { size = block[SIZE] === 0 ? 0 : NaN } = name.endsWith("/") ? sizedAsFile(header, block) : header
  return {
    type: type === 0 ? "0" : String.fromCharCode(type),
    name: prefix === "" ? name : `${prefix}/${name}`,
    link: tarText(block, ...LINK),
    size,
    mode,
    mtime: mtime && mtime.getTime() / 1000,
    gnu: magic === "ustar ",
  }
}

/**
 * npm tar takes a file for a folder, which has no content, where its name ends as one's does: the beginning of a long name
 * may, which alone the header has.
 */
function sizedAsFile(header: Header, block: Buffer): Header {
  if (header.type !== "Directory" || block[TYPE] === DIRECTORY) return header
  const contiguous = Buffer.from(block)
  contiguous.write(CONTIGUOUS, TYPE, "latin1")
  return new Header(contiguous)
}

function soundHeader(block: Buffer): Header | undefined {
  try {
    const header = new Header(block)
    return header.nullBlock || header.cksumValid || header.cksum === signedSum(block) ? header : undefined
  } catch {
    // A number that JavaScript has not.
    return undefined
  }
}

/** As old programs sum up bytes above 0x7f, in names that are no ASCII. */
function signedSum(block: Buffer): number {
  const [from, to] = SUM
  let sum = (to - from) * SPACE
  for (let at = 0; at < BLOCK; at++) if (at < from || at >= to) sum += block.readInt8(at)
  return sum
}

/** A field's bytes up to the first NUL. */
export function tarText(block: Buffer, start: number, end: number): string {
  let stop = start
  while (stop < end && block[stop] !== 0) stop++
  return block.toString("latin1", start, stop)
}
