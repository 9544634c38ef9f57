import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import { createReadStream } from "node:fs"
import { Writable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { callbackify } from "node:util"
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  type BrotliDecompress,
  type Gunzip,
  type Inflate,
  type InflateRaw,
} from "node:zlib"
import type { CachePart } from "../store/cache-part.ts"
import { storageError } from "../store/storage-error.ts"
import type { PartHasher } from "./part-hasher.ts"
import { sourceError } from "./source-error.ts"

/** Those of IANA's registry, and their older names. */
const CODINGS = /^(x-)?(gzip|compress)$|^(deflate|br|zstd|dcb|dcz|exi|pack200-gzip)$/
/** Nobody codes more than twice; each coding costs a decoder with its buffers. */
const MOST_CODINGS = 5
const CHUNK = { chunkSize: 1024 * 1024 }
/** RFC 1952: its two bytes, and deflate, the only method there is. */
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b, 8])
const HEAD_BYTES = 64 * 1024

/**
 * The content codings of a response, with commas between them; `undefined` where there is none. What else servers say there
 * (`none`, `utf-8`, `aws-chunked`, or `xz` of an `.xz`) tells of no coding: curl and browsers take such bytes as they are.
 */
export function contentCoding(headers: Readonly<Record<string, string | undefined>>): string | undefined {
  const names = (headers["content-encoding"] ?? "").toLowerCase().split(",")
  const codings = names.map((name) => name.trim()).filter((name) => CODINGS.test(name))
  return codings.length === 0 ? undefined : codings.join(",")
}

/**
 * The transfer codings of a response besides `chunked`, which undici leaves in place. Nobody may send one that was not asked for
 * (RFC 9112, section 7.4), and what a server or proxy sends so all the same is no file yet.
 */
export function transferCoding(headers: Readonly<Record<string, string | undefined>>): string | undefined {
  const names = (headers["transfer-encoding"] ?? "").toLowerCase().split(",")
  const codings = names.map((name) => name.trim()).filter((name) => !["", "chunked", "identity"].includes(name))
  return codings.length === 0 ? undefined : codings.join(", ")
}

/**
 * Whether the bytes of a response that is encoded though we asked for `identity` may be the file itself: many servers
 * declare every `.gz` they hold as encoded, where the compressed file is what is meant.
 */
export function isCompressedFile(url: string): boolean {
  return /\.(gz|tgz|svgz|z|br|zz|deflate|zst|tzst)$/i.test(URL.canParse(url) ? new URL(url).pathname : url)
}

/**
 * Whether a coded part holds the `.gz` file coded once more. Where it only is declared as coded, what comes out is plain.
 * Nothing is thrown: what cannot be decoded is no second coding.
 */
export async function decodesToGzip(part: CachePart, coding: string, source: string): Promise<boolean> {
  let start = Buffer.alloc(0)
  const sink = new Writable({
    write: (chunk: Buffer, _, done) => {
      start = Buffer.concat([start, chunk])
      done(start.length < GZIP_MAGIC.length ? null : new Error("that is enough"))
    },
  })
  try {
    const decoders = await decodersFor(part, coding, source)
    await pipeline([createReadStream(part.path, { end: HEAD_BYTES - 1 }), ...decoders, sink])
  } catch {
    // The head is cut anywhere, and left as soon as it is known.
  }
  return start.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC)
}

/** Undoes content codings (RFC 9110, section 8.4) from one part into another, hashing what comes out. */
export async function decodeContent(
  from: CachePart,
  to: CachePart,
  coding: string,
  hasher: PartHasher,
  source: string,
  signal: AbortSignal,
): Promise<void> {
  hasher.reset()
  const decoders = await decodersFor(from, coding, source)
  const append = async (chunk: Buffer): Promise<void> => {
    hasher.update(chunk, to.bytes)
    await to.write([chunk])
    hasher.advance(to)
  }
  const sink = new Writable({
    highWaterMark: 1024 * 1024,
    write: (chunk: Buffer, _, done) => callbackify(append)(chunk, done),
  })
  try {
    await pipeline([createReadStream(from.path, { highWaterMark: 1024 * 1024 }), ...decoders, sink], {
      signal,
    })
  } catch (error) {
    if (signal.aborted) throw interrupted()
    if (
      error instanceof Error &&
      /^(Z_|ERR__ERROR|ERR_BROTLI|ERR_PADDING)/.test((error as NodeJS.ErrnoException).code ?? "")
    ) {
      throw sourceError("CORRUPT", source, `its ${coding} content coding is damaged`, "try again later", {
        cause: error,
      })
    }
    const known = storageError(error, `write "${to.path}"`)
    throw known instanceof DatamaestroError ? known : error
  }
}

type Decoder = Gunzip | Inflate | InflateRaw | BrotliDecompress

/** In the order in which they are undone. */
async function decodersFor(part: CachePart, coding: string, source: string): Promise<Decoder[]> {
  const names = coding.split(",").toReversed()
  if (names.length > MOST_CODINGS) {
    const reason = `the server says that it is coded ${names.length} times over`
    throw sourceError("DOWNLOAD_FAILED", source, reason, "add a mirror to the settings, or tell the site's owner")
  }
  if (names[0] !== "deflate" || (await startsAsZlib(part))) return names.map((name) => decoderFor(name, source))
  return [createInflateRaw(CHUNK), ...names.slice(1).map((name) => decoderFor(name, source))]
}

/** By its first two bytes (RFC 1950, section 2.2), which servers leave out that take `deflate` for what it is called: browsers take both. */
async function startsAsZlib({ file }: CachePart): Promise<boolean> {
  const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0)
  return ((buffer[0] ?? 0) & 15) === 8 && buffer.readUInt16BE() % 31 === 0
}

function decoderFor(coding: string, source: string): Decoder {
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return createGunzip(CHUNK)
    case "deflate":
      return createInflate(CHUNK)
    case "br":
      return createBrotliDecompress(CHUNK)
    default:
      throw sourceError(
        "DOWNLOAD_FAILED",
        source,
        `the server sends it with the unknown content coding "${coding}" though none was asked for`,
        "add a mirror to the settings, or tell the author of the dataset's definition",
      )
  }
}
