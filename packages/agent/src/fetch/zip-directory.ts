/** Holds the record at a zip's end, with the longest comment it may have, and most small directories. */
export const ZIP_END_BYTES = 128 * 1024

/** APPNOTE.TXT 4.3.16, 4.3.15 and 4.3.14: signatures, fixed lengths, and where they say where something is. */
const END = { signature: 0x06054b50, bytes: 22, directory: 16 } as const
const ZIP64_LOCATOR = { signature: 0x07064b50, bytes: 20, end: 8 } as const
const ZIP64_END = { signature: 0x06064b50, bytes: 56, directory: 48 } as const
const IN_ZIP64 = 0xffffffff

/**
 * Where the central directory of a zip begins by the record at its end; undefined where that is not in `tail`, the last of
 * its `length` bytes. What it says is not checked: the extraction does that, this is only where it reads first.
 */
export function zipDirectoryStart(tail: Buffer, length: number): number | undefined {
  for (let at = tail.length - END.bytes; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== END.signature) continue
    const start = tail.readUInt32LE(at + END.directory)
    return start === IN_ZIP64 ? zip64Start(tail, at - ZIP64_LOCATOR.bytes, length) : start
  }
  return undefined
}

function zip64Start(tail: Buffer, locator: number, length: number): number | undefined {
  if (locator < 0 || tail.readUInt32LE(locator) !== ZIP64_LOCATOR.signature) return undefined
  const at = Number(tail.readBigUInt64LE(locator + ZIP64_LOCATOR.end)) - (length - tail.length)
  if (at < 0 || at + ZIP64_END.bytes > tail.length || tail.readUInt32LE(at) !== ZIP64_END.signature) return undefined
  return Number(tail.readBigUInt64LE(at + ZIP64_END.directory))
}
