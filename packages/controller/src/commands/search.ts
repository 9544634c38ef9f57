import type { SearchHit } from "@datamaestro/protocol"
import type { Command } from "./command.ts"
import { tabLine } from "./tab-line.ts"

/** The datasets that match all terms: `ID`, repository, name and, for what has variants, its axes, one a line. */
export function search(terms: readonly string[]): Command<SearchHit[]> {
  return {
    needsRepositories: true,
    severalHosts: "lines",
    async run({ session, signal, onProgress }) {
      const { hits, warnings } = await session.agent.request("datasets/search", { terms: [...terms] }, { signal })
      for (const message of warnings) onProgress({ phase: "notice", level: "warning", message })
      // A person who looks for the words of a name or a task would think that there is none.
      if (hits.length === 0) onProgress({ phase: "notice", level: "info", message: nothing(terms) })
      return hits
    },
    text: (hits) => hits.map((hit) => tabLine(fields(hit))).join(""),
  }
}

function nothing(terms: readonly string[]): string {
  const hint = terms.every((term) => term.includes(":"))
    ? "each is a regular expression"
    : "a term without a prefix is for the id; tag:, task:, repo: and type: look elsewhere"
  return `No dataset matches ${terms.join(" ")}: ${hint}`
}

function fields({ id, repository, name, description, axes }: SearchHit): string[] {
  const known = [id, repository, name ?? description ?? ""]
  if (axes === undefined) return known
  const shown = Object.entries(axes).map(([axis, { domain, type }]) => {
    const values = domain === undefined ? (type ?? "any") : domain.map((each) => String(each)).join("|")
    return `${axis}=${values}`
  })
  return [...known, `[${shown.sort().join(",")}]`]
}
