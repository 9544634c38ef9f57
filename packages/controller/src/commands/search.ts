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
      return hits
    },
    text: (hits) => hits.map((hit) => tabLine(fields(hit))).join(""),
  }
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
