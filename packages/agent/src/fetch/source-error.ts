import { DatamaestroError, type ErrorCode } from "@datamaestro/protocol"
import { redactUrl } from "../store/cache-url.ts"

/** One source is no good; another one may be. */
export function sourceError(
  code: ErrorCode,
  source: string,
  reason: string,
  hint: string,
  extra: { details?: Record<string, unknown>; cause?: unknown } = {},
): DatamaestroError {
  const url = redactUrl(source)
  return new DatamaestroError(code, `Cannot download "${url}": ${reason}`, {
    hint,
    details: { url, reason, ...extra.details },
    ...(extra.cause === undefined ? {} : { cause: extra.cause }),
  })
}

/** An answer that no other attempt will change. */
export function statusError(source: string, status: number, byHand: string): DatamaestroError {
  const host = URL.canParse(source) ? new URL(source).hostname : source
  const [reason, hint] = explain(status, host, byHand)
  return sourceError("DOWNLOAD_FAILED", source, `the server answered ${status}${reason}`, hint, { details: { status } })
}

function explain(status: number, host: string, byHand: string): [string, string] {
  if (status === 401 || status === 403) {
    return [
      status === 401 ? " (it wants a login)" : " (forbidden)",
      `if you have an account, put it into ~/.netrc of the data machine (machine ${host} login … password …), or a token into the environment; else ${byHand}`,
    ]
  }
  if (status === 407)
    return [" (the proxy wants a login)", "put user and password into HTTPS_PROXY: http://user:password@proxy:port"]
  if (status === 404 || status === 410) {
    return [" (not found)", `the file was moved or removed: add a mirror to the settings, or ${byHand}`]
  }
  return ["", `try again later, or ${byHand}`]
}

/** The source has another file than the definition means. */
export function sizeError(
  job: { source: string; size: number | undefined; byHand: string },
  found: number,
): DatamaestroError {
  return sourceError(
    found < (job.size ?? 0) ? "TRUNCATED" : "CHECKSUM_MISMATCH",
    job.source,
    `it has ${found} bytes, wanted ${job.size}`,
    `the file was changed where it comes from: tell the author of the dataset's definition, or ${job.byHand}`,
    { details: { wanted: job.size, found } },
  )
}

export const HTML_INSTEAD = "the server sent an HTML page instead of the file"

/** The server has a page for people in the file's place. */
export function htmlError(job: { source: string; byHand: string }): DatamaestroError {
  return sourceError("DOWNLOAD_FAILED", job.source, HTML_INSTEAD, pageHint(job.byHand))
}

/** What to do about a page for people in the file's place. */
export function pageHint(byHand: string): string {
  return `the site may want a login, a licence to be accepted, or a confirmation: ${byHand}`
}

/** What to do when no program can get the file. */
export function byHand(source: string, entryPath: string): string {
  return `open ${redactUrl(source)} in a browser, download the file there, and put it at ${entryPath}`
}

/** All sources failed: the last one's kind of failure, with what was tried. */
export function allSourcesFailed(tried: readonly { url: string; error: DatamaestroError }[]): DatamaestroError {
  const last = tried.at(-1)
  if (last === undefined) return new DatamaestroError("DOWNLOAD_FAILED", "Cannot download: no URL is given")
  if (tried.length === 1) return last.error
  const list = tried.map(({ url, error }) => `${url}: ${reasonOf(error)}`)
  return new DatamaestroError(
    last.error.code,
    `Cannot download "${last.url}": none of its ${tried.length} sources works (${list.join("; ")})`,
    {
      hint: last.error.hint,
      details: {
        ...last.error.details,
        tried: tried.map(({ url, error }) => ({ url, code: error.code, reason: reasonOf(error) })),
      },
      cause: last.error,
    },
  )
}

export function reasonOf(error: DatamaestroError): string {
  return typeof error.details.reason === "string" ? error.details.reason : error.message
}
