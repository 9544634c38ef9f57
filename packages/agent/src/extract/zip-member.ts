import * as yauzl from "yauzl"
import { corruptArchive } from "../compression/damaged-archive.ts"
import { unsafeArchive } from "./unsafe-archive.ts"
import { memberSegments, type Member } from "./member.ts"
import { decodedAround, withoutHalfBackslashes } from "./name-text.ts"
import { isUtf8 } from "node:buffer"
import { isKnownMethod } from "./zip-methods.ts"

/** APPNOTE.TXT 4.4.2: systems whose external attributes hold Unix permissions. */
const UNIX_SYSTEMS = new Set([3, 19])
const TYPE_MASK = 0o170000
const TYPE_SYMLINK = 0o120000
const TYPE_DIRECTORY = 0o040000
const TYPE_REGULAR = 0o100000
/** A fifo and a socket. */
const TYPES_PIPE = new Set([0o010000, 0o140000])
const UTF8_FLAG = 0x800

/**
 * A zip entry as a member.
 *
 * @throws DatamaestroError UNSAFE_ARCHIVE, CORRUPT
 */
export function zipMember(archive: string, entry: yauzl.Entry): Member {
  const { name, bytes } = entryName(entry)
  const segments = memberSegments(archive, name)
  const { compressionMethod, compressedSize, uncompressedSize } = entry
  if (compressionMethod === 0 && !entry.isEncrypted() && compressedSize !== uncompressedSize) {
    throw corruptArchive(archive, "its declared sizes contradict each other", { member: name })
  }
  const unix = UNIX_SYSTEMS.has(entry.versionMadeBy >>> 8) ? entry.externalFileAttributes >>> 16 : 0
  const type = memberType(archive, name, unix & TYPE_MASK, uncompressedSize)
  if (type !== "directory" && segments.length === 0) throw unsafeArchive(archive, name, "has no name")
  const mtime = entry.getLastModDate()
  return { name, bytes, segments, type, size: entry.uncompressedSize, mode: unix & 0o777, mtime }
}

/**
 * The name: as its Info-ZIP Unicode extra field has it, else UTF-8 where it is valid, which many programs write without saying
 * so, and some say so where it is not, else code page 437 (APPNOTE.TXT, appendix D). Some programs for Windows write
 * backslashes for slashes; of a name in Shift JIS, GBK or Big5 that byte may be a part of a character, and stays one.
 *
 * @returns with its `bytes` where they are not UTF-8
 */
function entryName({ fileNameRaw, extraFields }: yauzl.Entry): { name: string; bytes?: string } {
  const utf8 = isUtf8(fileNameRaw)
  const name = yauzl.getFileNameLowLevel(utf8 ? UTF8_FLAG : 0, fileNameRaw, extraFields, false)
  if (utf8) return { name }
  const raw = fileNameRaw.toString("latin1")
  const bytes = withoutHalfBackslashes(raw).replaceAll("\\", "/")
  const isExtraField = name !== yauzl.getFileNameLowLevel(0, fileNameRaw, [], false)
  return { name: isExtraField ? name : decodedAround(raw, (part) => codePage437(part, false)), bytes }
}

function codePage437(bytes: string, strict: boolean): string {
  return yauzl.getFileNameLowLevel(0, Buffer.from(bytes, "latin1"), [], strict)
}

/** A symbolic link's target, in the encoding that a name of these bytes would have. */
export function zipLinkTarget(content: Buffer): string {
  if (isUtf8(content)) return content.toString("utf8")
  return decodedAround(content.toString("latin1"), (part) => codePage437(part, true))
}

function memberType(archive: string, name: string, type: number, size: number): Member["type"] {
  if (type === TYPE_SYMLINK) return "symlink"
  if (type === TYPE_DIRECTORY || name.endsWith("/")) return "directory"
  if (type === 0 || type === TYPE_REGULAR) return "file"
  // What `zip - -` read from a pipe has that pipe's type; its bytes are a file's.
  if (TYPES_PIPE.has(type) && size > 0) return "file"
  throw unsafeArchive(archive, name, "is a device or pipe")
}

/** Why we have no means to write an entry that is wanted, or undefined. */
export function unsupportedReason(entry: yauzl.Entry): string | undefined {
  if (entry.isEncrypted()) return "is encrypted"
  if (isKnownMethod(entry.compressionMethod)) return undefined
  return `is compressed by method ${entry.compressionMethod}, which is not supported`
}
