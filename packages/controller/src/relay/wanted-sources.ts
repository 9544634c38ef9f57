import type { Params } from "@datamaestro/protocol"
import type { Session } from "../session/session.ts"
import type { Sources } from "./allowed-addresses.ts"

type Selector = Params<"datasets/sources">

/**
 * The addresses of datasets, by this machine's own repositories: what a data machine says of them is not asked for.
 * A dataset that isn't known here has none.
 */
export class WantedSources {
  readonly #open: () => Promise<Session>
  readonly #found = new Map<string, Sources>()
  readonly #wanted = new Map<string, Selector>()
  #finding: Promise<void> = Promise.resolve()

  /** @param open an agent on this machine */
  constructor(open: () => Promise<Session>) {
    this.#open = open
  }

  want(selector: Selector): void {
    this.#wanted.set(JSON.stringify(selector), selector)
  }

  async sources(): Promise<Sources> {
    // One after the other: many requests ask in the same moment.
    this.#finding = this.#finding.catch(() => {}).then(() => this.#find())
    await this.#finding
    const all = [...this.#found.values()]
    return { urls: all.flatMap(({ urls }) => urls), prefixes: all.flatMap(({ prefixes }) => prefixes) }
  }

  async #find(): Promise<void> {
    const lacking = [...this.#wanted].filter(([key]) => !this.#found.has(key))
    if (lacking.length === 0) return
    const session = await this.#open()
    try {
      await session.declareRepositories()
      for (const [key, selector] of lacking) {
        const none: Sources = { urls: [], prefixes: [] }
        this.#found.set(key, await session.agent.request("datasets/sources", selector).catch(() => none))
      }
    } finally {
      await session.close()
    }
  }
}
