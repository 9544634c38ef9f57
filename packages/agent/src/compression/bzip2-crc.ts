/** CRC-32 as bzip2 has it: the polynomial of zlib's, the highest bit first. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24
  for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  return crc >>> 0
})

/** Goes on with `crc` over the first bytes; begin with 0xffffffff, and invert the end. */
export function bzip2Crc(bytes: Uint8Array, length: number, crc: number): number {
  let value = crc
  for (let index = 0; index < length; index++) {
    value = (value << 8) ^ (TABLE[(value >>> 24) ^ (bytes[index] ?? 0)] ?? 0)
  }
  return value >>> 0
}
