import { readFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import type { GlobalSettings } from "@datamaestro/protocol"
import type { Environment } from "@datamaestro/outgoing"

const HUB = "https://huggingface.co"

/** The settings' mirrors, with `HF_ENDPOINT` in the Hub's place, and before its mirrors, where the environment has it. */
export function withHubEndpoint(
  mirrors: GlobalSettings["mirrors"],
  environment: Environment,
): GlobalSettings["mirrors"] {
  const endpoint = endpointOf(environment)
  const prefix = `${HUB}/`
  if (endpoint === HUB) return mirrors
  return { ...mirrors, [prefix]: [`${endpoint}/`, ...[mirrors?.[prefix] ?? []].flat()] }
}

/**
 * The person's token for the Hub, where a URL is the Hub's: `HF_TOKEN`, else the file that `huggingface-cli login` wrote
 * (`HF_TOKEN_PATH`, `$HF_HOME/token`, `~/.cache/huggingface/token`).
 */
export async function hubToken(url: URL, environment: Environment): Promise<string | undefined> {
  if (url.origin !== HUB && url.origin !== originOf(endpointOf(environment))) return undefined
  const token = namedToken(environment)
  if (token !== undefined) return token
  const home = environment["HOME"] || homedir()
  const cache = environment["XDG_CACHE_HOME"] || join(home, ".cache")
  const path = environment["HF_TOKEN_PATH"] || join(environment["HF_HOME"] || join(cache, "huggingface"), "token")
  const text = await readFile(path, "utf8").catch(() => "")
  return text.trim() === "" ? undefined : text.trim()
}

/** The hosts whose token is in the environment itself, if one is there. */
export function hubHostsWithToken(environment: Environment): string[] {
  return namedToken(environment) === undefined ? [] : [HUB, endpointOf(environment)].map((url) => new URL(url).hostname)
}

function namedToken(environment: Environment): string | undefined {
  const token = (environment["HF_TOKEN"] || environment["HUGGING_FACE_HUB_TOKEN"])?.trim()
  return token === "" ? undefined : token
}

function endpointOf(environment: Environment): string {
  const endpoint = environment["HF_ENDPOINT"]?.trim().replace(/\/+$/, "") ?? ""
  return URL.canParse(endpoint) ? endpoint : HUB
}

function originOf(url: string): string {
  return new URL(url).origin
}
