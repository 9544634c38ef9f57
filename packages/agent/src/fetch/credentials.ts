import { DatamaestroError } from "@datamaestro/protocol"
import { readFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { hubHostsWithToken, hubToken } from "./hugging-face.ts"
import { parseNetrc } from "./netrc.ts"
import type { Environment } from "@datamaestro/outgoing"

/** How a request came to a URL: where it started, and whether all hops stayed on https. */
export interface Hop {
  url: URL
  /** The first URL of the chain, with its user and password if it has them. */
  origin: URL
  /** A hop on the way went from https to http. */
  downgraded: boolean
}

/**
 * The `Authorization` header for one hop, or `undefined`. In this order:
 * 1. user and password in the first URL, for as long as redirects stay on its origin;
 * 2. a bearer token in `DATAMAESTRO_TOKEN_<HOST>`, else the settings' `tokens`: the host in upper case, `.` as `_`, `-` as `__` (so that
 *    no two hosts share a name), e.g. `DATAMAESTRO_TOKEN_HUGGINGFACE_CO`; only over https, or to this machine;
 *    and on the Hugging Face Hub the token of its own tools, see `hubToken`: in the environment before the settings'
 *    `tokens`, in a file after them;
 * 3. `~/.netrc` (or the file that `NETRC` names). Its entry for a host reached by redirect is used over https only,
 *    its `default` entry never there.
 * Nothing is sent after a redirect from https down to http.
 *
 * @throws DatamaestroError MALFORMED_SETTINGS where the entry of `~/.netrc` can't be read
 */
export async function authorizationFor(hop: Hop, environment: Environment): Promise<string | undefined> {
  const { url, origin, downgraded } = hop
  if (downgraded) return undefined
  const sameOrigin = url.protocol === origin.protocol && url.host === origin.host
  if (sameOrigin && (origin.username !== "" || origin.password !== "")) {
    return basic(decode(origin.username), decode(origin.password))
  }
  const safe = url.protocol === "https:" || isLoopback(url.hostname)
  const token = environment[tokenVariable(url.hostname)]
  if (safe && token !== undefined && token !== "") return `Bearer ${token.trim()}`
  const ofHub = safe ? await hubToken(url, environment) : undefined
  if (ofHub !== undefined) return `Bearer ${ofHub}`
  if (!sameOrigin && !safe) return undefined
  const path = environment.NETRC || join(environment.HOME || homedir(), ".netrc")
  const entries = parseNetrc(await readFile(path, "utf8").catch(() => ""))
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase()
  const entry =
    entries.find(({ machine }) => machine === host) ??
    (sameOrigin ? entries.find(({ machine }) => machine === undefined) : undefined)
  if (entry?.unclosed !== undefined) throw unclosedQuote(path, entry.unclosed, host)
  return entry === undefined || entry.login === "" ? undefined : basic(entry.login, entry.password)
}

/** The environment variable of a host's bearer token. */
export function tokenVariable(hostname: string): string {
  const name = hostname
    .replace(/[^A-Za-z0-9.-]/g, "___")
    .replaceAll("-", "__")
    .replaceAll(".", "_")
  return `DATAMAESTRO_TOKEN_${name.toUpperCase()}`
}

/** The environment with the settings' tokens (by host) in the variables that it lacks; `HF_TOKEN` too is one of the Hub's. */
export function withTokens(environment: Environment, tokens: Readonly<Record<string, string>> = {}): Environment {
  const named = hubHostsWithToken(environment)
  const own = Object.entries(tokens)
    .map(([host, token]) => [host.trim().toLowerCase(), token] as const)
    .filter(([host]) => !named.includes(host))
    .map(([host, token]) => [tokenVariable(host), token] as const)
  return own.length === 0 ? environment : { ...Object.fromEntries(own), ...environment }
}

/** curl takes no such entry either. What is sent would be refused, and nobody would look for a quote. */
function unclosedQuote(path: string, line: number, host: string): DatamaestroError {
  return new DatamaestroError(
    "MALFORMED_SETTINGS",
    `Cannot read the login for "${host}" in "${path}", line ${line}: a quote is not closed`,
    { hint: 'close it; a quote that belongs to the password is written \\" within quotes', details: { path, line } },
  )
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname)
}
