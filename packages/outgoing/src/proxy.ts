import { BlockList, isIP } from "node:net"

export type Environment = Readonly<Record<string, string | undefined>>

interface NamedProxy {
  proxy: string
  /** The environment variable that names it. */
  variable: string
}

/**
 * The proxy for a URL, as curl reads the environment: `http_proxy`, `https_proxy`, `all_proxy` (lower case first),
 * except for hosts in `no_proxy`. `undefined`: connect directly.
 */
export function proxyFor(url: URL, environment: Environment): string | undefined {
  return namedProxy(url, environment)?.proxy
}

/** The same, with the variable that it comes from. */
export function namedProxy(url: URL, environment: Environment): NamedProxy | undefined {
  const variableOf = (name: string): string | undefined =>
    [name, name.toUpperCase()].find((each) => (environment[each] ?? "") !== "")
  const variable = variableOf(url.protocol === "https:" ? "https_proxy" : "http_proxy") ?? variableOf("all_proxy")
  const proxy = variable === undefined ? undefined : environment[variable]
  if (variable === undefined || proxy === undefined) return undefined
  if (bypasses(url, environment[variableOf("no_proxy") ?? ""] ?? "")) return undefined
  return { variable, proxy: /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}` }
}

/** Entries are host names (with their subdomains), optionally with a port, networks as `10.0.0.0/8`, or `*`. */
function bypasses(url: URL, list: string): boolean {
  // Names may end with a dot, here and in the list.
  const host = url.hostname.replace(/^\[|\]$|\.$/g, "").toLowerCase()
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port
  for (const entry of list.toLowerCase().split(/[,\s]+/)) {
    if (entry === "") continue
    if (entry === "*" || isWithin(host, entry)) return true
    // An IPv6 address has a port only when it stands in brackets.
    const match = /^\[(.*)\](?::(\d+))?$/.exec(entry) ?? /^([^:]*)(?::(\d+))?$/.exec(entry)
    const name = match?.[1] ?? entry
    const entryPort = match?.[2]
    if (entryPort !== undefined && entryPort !== port) continue
    const bare = name.replace(/^\*?\.|\.$/g, "")
    if (host === bare || host.endsWith(`.${bare}`)) return true
  }
  return false
}

/** An address within a network that is written as address and length of its prefix (CIDR). */
function isWithin(host: string, entry: string): boolean {
  const [, network = "", length] = /^([\da-f.:]+)\/(\d{1,3})$/.exec(entry) ?? []
  const family = isIP(network)
  if (family === 0 || isIP(host) !== family || Number(length) > (family === 4 ? 32 : 128)) return false
  const type = family === 4 ? "ipv4" : "ipv6"
  const list = new BlockList()
  list.addSubnet(network, Number(length), type)
  return list.check(host, type)
}
