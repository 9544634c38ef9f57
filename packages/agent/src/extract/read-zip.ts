import { crc32 } from "node:zlib"
import type { ZipFile } from "yauzl"
import { DatamaestroError } from "@datamaestro/protocol"
import { corruptArchive, truncatedArchive, unsupportedCompression } from "../compression/damaged-archive.ts"
import { knownFormat } from "../compression/known-format.ts"
import { decompressionBomb, unsafeArchive } from "./unsafe-archive.ts"
import { inflate } from "./inflate.ts"
import { letGo } from "./let-go.ts"
import type { Member } from "./member.ts"
import type { Deflated, FileSink } from "./file-sinks.ts"
import { StaleBytes, type FollowedFile } from "../follow/followed-file.ts"
import { DIRECTORY_ENTRY, openZip, type ZipSource } from "./zip-file.ts"
import { ZipListing, type Listed } from "./zip-listing.ts"
import { unsupportedMember } from "./unsupported-member.ts"
import { unsupportedReason, zipLinkTarget, zipMember } from "./zip-member.ts"
import { METHODS, plainStream } from "./zip-methods.ts"

export interface ZipVisitor {
  /** All members, before any is written. */
  members(members: Iterable<Member>, packed: number): void
  /** Known once it has seen all members; of others nothing is read. */
  wants(member: Member): boolean
  file(member: Member): FileSink | undefined
  directory(member: Member): void
  symlink(member: Member, target: string): void
}

export interface ReadZipOptions {
  archive: string
  signal: AbortSignal
  /** Called after each member with the packed bytes read so far; reading goes on once its promise is fulfilled. */
  afterMember?(packed: number): Promise<void> | undefined
}

/** With one function for all members: one for each would be kept until the second thread has written it. */
interface ReadingOptions extends ReadZipOptions {
  failure: Deflated["failure"]
}

type Declared = Pick<Member, "name" | "size">

/** Up to here a member is inflated in one call, which is several times faster than a stream. */
const WHOLE_BYTES = 8 * 1024 * 1024
/** Linux's PATH_MAX: no real link is longer. */
const MAX_LINK_BYTES = 4096
const TURN_MILLISECONDS = 20

/**
 * Reads a zip or zip64 file by its central directory, each member as soon as it is there; its size and CRC are checked.
 *
 * @throws DatamaestroError TRUNCATED, CORRUPT, UNSAFE_ARCHIVE, UNSUPPORTED_FORMAT; StaleBytes when the download began anew
 */
export async function readZip(file: FollowedFile, visitor: ZipVisitor, asked: ReadZipOptions): Promise<void> {
  const { archive, signal } = asked
  const failure: Deflated["failure"] = (cause, member) => knownOr(cause, () => bodyError(cause, archive, member))
  const options: ReadingOptions = { ...asked, failure }
  const { zip, source } = await openZip(file, (error, start) => openError(error, archive, start))
  try {
    const { listed, unsupported } = await list(zip, source, options)
    visitor.members(listed, source.size)
    const refused = unsupported.find(({ member }) => visitor.wants(member))
    if (refused !== undefined) throw unsupportedMember(archive, refused.member.name, refused.reason)
    let turn = performance.now()
    let packed = 0
    for (const entry of listed.taken()) {
      await readMember(source, entry, visitor, options)
      packed += entry.packed
      const room = options.afterMember?.(packed)
      if (room !== undefined) await room
      if (performance.now() - turn < TURN_MILLISECONDS) continue
      await new Promise((resolve) => setImmediate(resolve))
      signal.throwIfAborted()
      turn = performance.now()
    }
  } finally {
    zip.close()
  }
}

interface Directory {
  listed: ZipListing
  unsupported: { member: Member; reason: string }[]
}

async function list(zip: ZipFile, source: ZipSource, { archive, signal }: ReadZipOptions): Promise<Directory> {
  const listed = new ZipListing(archive)
  const unsupported: Directory["unsupported"] = []
  let packed = 0
  let end = source.directory
  // Some programs count no further than 65535 and begin again: what is there decides.
  const countNext = async (): Promise<void> => {
    if (await source.hasEntryAt(end)) zip.entryCount++
  }
  try {
    if (zip.entryCount === 0) await countNext()
    for await (const entry of zip.eachEntry()) {
      const { relativeOffsetOfLocalHeader, compressedSize, crc32: crc, compressionMethod } = entry
      const offset = source.base + relativeOffsetOfLocalHeader
      const member = zipMember(archive, entry)
      const reason = unsupportedReason(entry)
      if (reason !== undefined) unsupported.push({ member, reason })
      listed.add({ member, offset, packed: compressedSize, crc, method: compressionMethod })
      packed += compressedSize
      end += DIRECTORY_ENTRY.bytes + entry.fileNameLength + entry.extraFieldLength + entry.fileCommentLength
      if (listed.length === zip.entryCount) await countNext()
      if (listed.length % 1000 === 0) signal.throwIfAborted()
    }
  } catch (error) {
    throw knownOr(error, (cause) => corruptArchive(archive, (cause as Error).message, { cause }))
  }
  // Members that share their bytes make a small file expand without end, with no layer's ratio out of bounds.
  if (packed > source.size) throw decompressionBomb(archive, "its members overlap, as only in a decompression bomb")
  return { listed, unsupported }
}

async function readMember(
  source: ZipSource,
  entry: Listed,
  visitor: ZipVisitor,
  options: ReadingOptions,
): Promise<void> {
  const { member } = entry
  if (member.type === "directory") return visitor.directory(member)
  if (!visitor.wants(member)) return
  if (member.type === "symlink") return visitor.symlink(member, await linkTarget(source, entry, options))
  const sink = visitor.file(member)
  if (sink === undefined) return
  try {
    await readBody(source, entry, sink, options)
  } catch (error) {
    sink.discard()
    throw knownOr(error, (cause) => bodyError(cause, options.archive, member))
  }
  sink.end()
}

async function linkTarget(source: ZipSource, entry: Listed, options: ReadingOptions): Promise<string> {
  const { member } = entry
  if (member.size > MAX_LINK_BYTES) {
    throw unsafeArchive(options.archive, member.name, "is a symbolic link with a malformed target")
  }
  const parts: Uint8Array[] = []
  const collect = {
    write: (chunk: Uint8Array) => void parts.push(Buffer.from(chunk)),
    end: () => {},
    discard: () => {},
  }
  await readBody(source, entry, collect, options).catch((error: unknown) => {
    throw knownOr(error, (cause) => bodyError(cause, options.archive, member))
  })
  return zipLinkTarget(Buffer.concat(parts))
}

async function readBody(
  source: ZipSource,
  entry: Listed,
  sink: FileSink,
  { archive, signal, failure }: ReadingOptions,
): Promise<void> {
  const { member, method } = entry
  const deflated = method === METHODS.deflated
  const { name, size } = member
  const start = await source.dataStart(entry.offset)
  if (start === undefined) throw corruptArchive(archive, "it is not where the directory says", { member: name })
  const end = start + entry.packed
  if (end > source.size) throw truncatedArchive(archive, "it ends within a member", { member: name })
  let bytes = 0
  let crc = 0
  const write = (chunk: Uint8Array): void => {
    bytes += chunk.length
    if (bytes > size) {
      throw corruptArchive(archive, `it holds more than the declared ${size} bytes`, {
        member: name,
      })
    }
    crc = crc32(chunk, crc)
    sink.write(chunk)
  }
  if ((deflated || method === METHODS.stored) && size <= WHOLE_BYTES && entry.packed <= WHOLE_BYTES) {
    await source.until(start, end)
    const packed = source.bytes(start, entry.packed)
    if (deflated && sink.deflated !== undefined) {
      if (sink.deflated(packed, { size, crc: entry.crc, failure })) return
    }
    if (!deflated) write(packed)
    else {
      const content = inflate(packed, size)
      write(content)
      letGo(content)
    }
  } else {
    for await (const chunk of plainStream(method, source.stream(start, end), { archive, signal })) {
      signal.throwIfAborted()
      write(chunk)
    }
  }
  if (bytes !== size) throw wrongSize(archive, member, bytes)
  if (crc !== entry.crc) throw wrongSum(archive, member)
}

function wrongSize(archive: string, { name, size }: Declared, found: number): DatamaestroError {
  return corruptArchive(archive, `it holds ${found} bytes, ${size} are declared`, { member: name })
}

function wrongSum(archive: string, { name }: Declared): DatamaestroError {
  return corruptArchive(archive, "its CRC-32 does not match", { member: name })
}

function bodyError(cause: unknown, archive: string, member: Declared): unknown {
  const { code, message, found } = cause as NodeJS.ErrnoException & { found?: number }
  if (code === "SIZE" && found !== undefined && found <= member.size) return wrongSize(archive, member, found)
  if (code === "CRC") return wrongSum(archive, member)
  if (code === "ERR_BUFFER_TOO_LARGE" || code === "SIZE") {
    return corruptArchive(archive, `it holds more than the declared ${member.size} bytes`, {
      member: member.name,
      cause,
    })
  }
  return corruptArchive(archive, `its data is damaged (${message})`, { member: member.name, cause })
}

function openError(error: unknown, archive: string, start: Uint8Array): unknown {
  return knownOr(error, (cause) => {
    const { message } = cause as Error
    if (message.includes("multi-disk")) {
      return unsupportedCompression(archive, "it is the end of a zip that was split into several files (.z01, .z02…)")
    }
    const other = knownFormat(start)
    if (other !== undefined && other !== "a zip archive") {
      return unsupportedCompression(archive, `it is ${other}, not a zip archive`)
    }
    if (!message.includes("End of central directory")) return corruptArchive(archive, message, { cause })
    return truncatedArchive(archive, "it is no zip archive, or its end is missing", { cause })
  })
}

/** Errors of the system and our own pass; all others speak about the archive's bytes. */
function knownOr(error: unknown, wrap: (cause: unknown) => unknown): unknown {
  if (error instanceof DatamaestroError || error instanceof StaleBytes) return error
  if ((error as Error).name === "AbortError") return error
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall !== undefined || (code !== undefined && /^E[A-Z]+$/.test(code))) return error
  return wrap(error)
}
