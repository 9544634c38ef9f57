/** How other formats begin, in Latin-1. */
const SIGNATURES: readonly (readonly [beginning: string, format: string])[] = [
  ["PK\x03\x04", "a zip archive"],
  ["7z\xbc\xaf\x27\x1c", "a 7z archive"],
  ["Rar!\x1a\x07", "a RAR archive"],
  ["\x1f\x8b", "compressed with gzip"],
  ["BZh", "compressed with bzip2"],
  ["\xfd7zXZ\x00", "compressed with xz"],
  ["\x28\xb5\x2f\xfd", "compressed with zstd"],
  ["\x1f\x9d", "compressed with compress (.Z)"],
  ["LZIP", "compressed with lzip"],
  ["\x5d\x00\x00", "compressed with lzma"],
  ["\x04\x22\x4d\x18", "compressed with lz4"],
  ["\x89LZO\0", "compressed with lzop"],
  // Bytes that differ by its level; the fourth pair is also text, "x^".
  ["x\x01", "compressed with zlib"],
  ["x\x9c", "compressed with zlib"],
  ["x\xda", "compressed with zlib"],
]
const TAR = { at: 257, magic: "ustar" } as const

/** Enough of the beginning to tell them. */
export const KNOWN_FORMAT_BYTES = TAR.at + TAR.magic.length

/** What a file is that is not what it should be, where its first bytes tell; to follow "it is". */
export function knownFormat(start: Uint8Array): string | undefined {
  const text = Buffer.from(start).toString("latin1")
  if (text.startsWith(TAR.magic, TAR.at)) return "a tar archive"
  return SIGNATURES.find(([beginning]) => text.startsWith(beginning))?.[1]
}
