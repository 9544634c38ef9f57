import type { SearchHit } from "@datamaestro/protocol"
import type { Command } from "./command.ts"
import { tabLine } from "./tab-line.ts"

/** The datasets that match all terms: `ID`, repository and name, one a line. */
export function search(terms: readonly string[]): Command<SearchHit[]> {
  return {
    needsRepositories: true,
    severalHosts: "lines",
    async run({ session, signal, onProgress }) {
      const { hits, warnings } = await session.agent.request("datasets/search", { terms: [...terms] }, { signal })
      for (const message of warnings) onProgress({ phase: "notice", level: "warning", message })
      return hits
    },
    text: (hits) => hits.map((hit) => tabLine([hit.id, hit.repository, hit.name ?? hit.description ?? ""])).join(""),
  }
}
