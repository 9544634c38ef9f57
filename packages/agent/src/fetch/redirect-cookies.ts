/**
 * The cookies that servers set while they redirect one request. Each goes back to the origin that set it, to no other, and all
 * are forgotten with the request. Without them sites that look for a session (NASA Earthdata, SharePoint) redirect for ever.
 */
export class RedirectCookies {
  readonly #byOrigin = new Map<string, Map<string, string>>()

  /** @param lines the values of `Set-Cookie`, one a line */
  take({ origin }: URL, lines: string): void {
    const cookies = this.#byOrigin.get(origin) ?? new Map<string, string>()
    this.#byOrigin.set(origin, cookies)
    for (const line of lines.split("\n")) {
      const [, name = "", value = ""] = /^\s*([^\s=;]+)=([^;]*)/.exec(line) ?? []
      if (name === "" || isOver(line)) cookies.delete(name)
      else cookies.set(name, value.trim())
    }
  }

  /** The `Cookie` header for a request. */
  of({ origin }: URL): { cookie?: string } {
    const cookies = [...(this.#byOrigin.get(origin) ?? [])]
    return cookies.length === 0 ? {} : { cookie: cookies.map((pair) => pair.join("=")).join("; ") }
  }
}

/** Servers remove a cookie by a time that is over. */
function isOver(line: string): boolean {
  const age = /;\s*max-age=(-?\d+)/i.exec(line)?.[1]
  if (age !== undefined) return Number(age) <= 0
  return Date.parse(/;\s*expires=([^;]+)/i.exec(line)?.[1] ?? "") < Date.now()
}
