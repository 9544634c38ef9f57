const MOST_HOPS = 10

export interface Sources {
  urls: readonly string[]
  /** Beginnings of addresses. */
  prefixes: readonly string[]
}

/** The addresses that may be asked: those of plans, and where servers of allowed addresses themselves redirect to. */
export class AllowedAddresses {
  readonly #hops = new Map<string, number>()
  readonly #prefixes = new Set<string>()

  add({ urls, prefixes }: Sources): void {
    for (const url of urls) if (URL.canParse(url)) this.#hops.set(plain(new URL(url)), 0)
    for (const prefix of prefixes) if (URL.canParse(prefix)) this.#prefixes.add(new URL(prefix).href)
  }

  has(url: URL): boolean {
    return this.#depth(url) !== undefined
  }

  /** A server answered a request for `from`, which is allowed, with this `Location`. */
  redirected(from: URL, location: string): void {
    const depth = this.#depth(from)
    if (depth === undefined || depth >= MOST_HOPS || !URL.canParse(location, from.href)) return
    const to = new URL(location, from.href)
    // A public server has no say over what only this machine can reach.
    if (isOwn(to) && !isOwn(from)) return
    if (!this.has(to)) this.#hops.set(plain(to), depth + 1)
  }

  #depth(url: URL): number | undefined {
    if (url.protocol !== "http:" && url.protocol !== "https:") return undefined
    const address = plain(url)
    const known = this.#hops.get(address)
    if (known !== undefined) return known
    return [...this.#prefixes].some((prefix) => address.startsWith(prefix)) ? 0 : undefined
  }
}

/** Without what is never sent in a request's line. */
function plain(url: URL): string {
  const result = new URL(url)
  result.username = ""
  result.password = ""
  result.hash = ""
  return result.href
}

/** This machine itself, and what exists only on its own link. */
function isOwn({ hostname }: URL): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|0\.0\.0\.0|169\.254(\.\d+){2}|\[(::1?|::ffff:7f.*|fe[89ab].*)\])$/i.test(
    hostname,
  )
}
