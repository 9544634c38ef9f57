/** All of a tar comes in blocks. */
export const BLOCK = 512

/** A header as it stands there: ustar (POSIX.1-1988), GNU's or that of Unix V7. Names are bytes, a character each. */
export interface TarHeader {
  /** `typeflag`, the same character for a file in all of them. */
  type: string
  name: string
  link: string
  /** NaN where it is no number. */
  size: number
  mode: number | undefined
  /** Seconds since 1970. */
  mtime: number | undefined
  gnu: boolean
}

/** Where each field begins and ends. */
const FIELD = {
  name: [0, 100],
  mode: [100, 108],
  size: [124, 136],
  mtime: [136, 148],
  sum: [148, 156],
  type: 156,
  link: [157, 257],
  magic: [257, 263],
  prefix: [345, 500],
} as const

const MAGIC = { posix: "ustar\0", gnu: "ustar " } as const
const SPACE = 0x20

/** What the block says, undefined where its checksum does not fit; `"end"`: it is all zeros. */
export function tarHeader(block: Buffer): TarHeader | "end" | undefined {
  if (!hasItsSum(block)) return block.every((byte) => byte === 0) ? "end" : undefined
  const magic = block.toString("latin1", ...FIELD.magic)
  const name = tarText(block, ...FIELD.name)
  const prefix = magic === MAGIC.posix ? tarText(block, ...FIELD.prefix) : ""
  const type = block[FIELD.type] ?? 0
  return {
    type: type === 0 ? "0" : String.fromCharCode(type),
    name: prefix === "" ? name : `${prefix}/${name}`,
    link: tarText(block, ...FIELD.link),
    size: tarNumber(block, ...FIELD.size) ?? 0,
    mode: known(tarNumber(block, ...FIELD.mode)),
    mtime: known(tarNumber(block, ...FIELD.mtime)),
    gnu: magic === MAGIC.gnu,
  }
}

/** A field's bytes up to the first NUL. */
export function tarText(block: Buffer, start: number, end: number): string {
  let stop = start
  while (stop < end && block[stop] !== 0) stop++
  return block.toString("latin1", start, stop)
}

/** A field that is a number: octal, or in base 256 where its first bit says so. Empty: undefined; malformed: NaN. */
export function tarNumber(block: Buffer, start: number, end: number): number | undefined {
  const first = block[start] ?? 0
  if ((first & 0x80) !== 0) {
    // In two's complement of the other bits.
    let value = (first & 0x40) === 0 ? first & 0x3f : (first & 0x3f) - 0x40
    for (let at = start + 1; at < end; at++) value = value * 256 + (block[at] ?? 0)
    return Number.isSafeInteger(value) ? value : NaN
  }
  let at = start
  while (at < end && block[at] === SPACE) at++
  let value = 0
  const digits = at
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30
    if (digit < 0 || digit > 7) break
    value = value * 8 + digit
  }
  const ended = at === end || block[at] === 0 || block[at] === SPACE
  if (!ended) return NaN
  return at === digits ? undefined : value
}

/** Some old programs add bytes as signed numbers. */
function hasItsSum(block: Buffer): boolean {
  const declared = tarNumber(block, ...FIELD.sum)
  if (declared === undefined) return false
  const [from, to] = FIELD.sum
  let sum = (to - from) * SPACE
  let high = 0
  for (let at = 0; at < BLOCK; at++) {
    if (at === from) at = to
    const byte = block[at] ?? 0
    sum += byte
    high += byte >> 7
  }
  return declared === sum || declared === sum - 256 * high
}

function known(value: number | undefined): number | undefined {
  return Number.isNaN(value) ? undefined : value
}
