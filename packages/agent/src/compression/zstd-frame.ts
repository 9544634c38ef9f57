const MAGIC = 0xfd2fb528
/** The longest header of a frame, with its magic number. */
export const HEADER_BYTES = 18
const RESERVED_BIT = 0x08

/** What the header of a zstd frame declares (RFC 8878, 3.1.1.1). */
export interface FrameHeader {
  /** Its own bytes. */
  bytes: number
  /** Memory that decoding needs, in bytes. */
  window: number
  /** Bytes of the content, where declared. */
  content: number | undefined
  /** A checksum follows the last block. */
  checksum: boolean
  dictionary: boolean
}

/** Whether a frame of four bytes of magic is to be skipped. */
export function isSkippable(magic: Buffer): boolean {
  return magic.readUInt32LE(0) >>> 4 === 0x184d2a5
}

/** The header that the bytes begin with; `truncated`, or what is wrong with it. */
export function frameHeader(
  start: Buffer,
): FrameHeader | "truncated" | "it is none of zstd" | "its header is malformed" {
  if (start.readUInt32LE(0) !== MAGIC) return "it is none of zstd"
  const flags = start[4]
  if (flags === undefined) return "truncated"
  if ((flags & RESERVED_BIT) !== 0) return "its header is malformed"
  const single = (flags & 0x20) !== 0
  const contentBytes = [single ? 1 : 0, 2, 4, 8][flags >>> 6] ?? 0
  const dictionaryBytes = [0, 1, 2, 4][flags & 3] ?? 0
  const dictionaryAt = 5 + (single ? 0 : 1)
  const contentAt = dictionaryAt + dictionaryBytes
  const bytes = contentAt + contentBytes
  if (start.length < bytes) return "truncated"
  const dictionary = dictionaryBytes > 0 && start.readUIntLE(dictionaryAt, dictionaryBytes) !== 0
  const content = contentBytes === 0 ? undefined : contentSize(start, contentAt, contentBytes)
  const declared = single ? (content ?? 0) : windowSize(start[5] ?? 0)
  const window = Math.min(declared, content ?? declared)
  return { bytes, window, content, checksum: (flags & 0x04) !== 0, dictionary }
}

/**
 * The header for a decoder that looks at no more than it must: content of unknown size, with a window no larger than the
 * content, since a decoder may take all of it at once.
 */
export function plainHeader({ window, checksum }: FrameHeader): Buffer {
  const header = Buffer.alloc(6)
  header.writeUInt32LE(MAGIC)
  header[4] = checksum ? 0x04 : 0
  header[5] = windowDescriptor(window)
  return header
}

/** The smallest window that is at least that large. */
function windowDescriptor(window: number): number {
  let descriptor = 0
  while (windowSize(descriptor) < window) descriptor++
  return descriptor
}

function contentSize(start: Buffer, at: number, bytes: number): number {
  if (bytes === 8) return Number(start.readBigUInt64LE(at))
  return start.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0)
}

function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >>> 3))
  return base + (base / 8) * (descriptor & 7)
}
