/** What stands before the checksum at the end of each stream, at any bit: the digits of the square root of π. */
const END_MARK = 0x177245385090n
const MARK_BITS = 48
const CHECKSUM_BITS = 32n

/** Mark, checksum, and up to seven bits that fill a byte: no more of a file's end is needed to tell. */
export const BZIP2_END_BYTES = 11

/** Whether the last bytes of a file are the end of a bzip2 stream: neither cut, nor with something else behind it. */
export function endsBzip2(tail: Uint8Array): boolean {
  let bits = 0n
  for (const byte of tail.subarray(-BZIP2_END_BYTES)) bits = (bits << 8n) | BigInt(byte)
  for (let padding = 0n; padding < 8n; padding++) {
    if (BigInt.asUintN(MARK_BITS, bits >> (CHECKSUM_BITS + padding)) === END_MARK) return true
  }
  return false
}
