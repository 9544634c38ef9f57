import type { FileHandle } from "node:fs/promises"

/** Names whose content is never an HTML page. */
const DATA_NAME =
  /\.(gz|tgz|bz2|tbz2?|xz|txz|zst|tzst|lz4|lzma|zip|7z|rar|tar|npy|npz|mat|h5|hdf5|pkl|pt|pth|bin|idx|safetensors|parquet|arrow|feather|csv|tsv|txt|json|jsonl|ndjson|xml|data|arff|png|jpe?g|gif|tiff?|wav|mp3|flac|mp4|pdf|xlsx?|sqlite|db|md5|sha256)$/i

/**
 * Whether data is due, so that an HTML page in its place is a login or an error page: it is an archive, or one of its URLs, or
 * the name it gets, says so.
 */
export function isDataDue({
  archive,
  urls,
  name,
}: {
  archive?: boolean
  urls: readonly string[]
  name?: string
}): boolean {
  return archive === true || urls.some(isDataUrl) || isDataUrl(name ?? "")
}

function isDataUrl(url: string): boolean {
  return DATA_NAME.test(URL.canParse(url) ? new URL(url).pathname : url)
}

/** How many bytes `looksLikeHtml` wants to see. */
export const HTML_SNIFF_BYTES = 1024

/** What may stand before a page: a byte order mark, what begins XML, and comments. */
const PROLOGUE = /^(?:\xef\xbb\xbf|\s|<\?xml[^>]*>|<!--[^]*?-->)*/i

/** Whether content starts as an HTML page does; the server's Content-Type alone proves nothing. */
export function looksLikeHtml(start: Uint8Array): boolean {
  const text = Buffer.from(start.subarray(0, HTML_SNIFF_BYTES)).toString("latin1").replace(PROLOGUE, "")
  return /^(<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]|<script[\s>])/i.test(text)
}

/** Whether a file's content does. */
export async function startsAsHtml(file: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HTML_SNIFF_BYTES), 0, HTML_SNIFF_BYTES, 0)
  return looksLikeHtml(buffer.subarray(0, bytesRead))
}
