import type { RepositorySummary } from "@datamaestro/protocol"
import type { Command } from "./command.ts"
import { tabLine } from "./tab-line.ts"

/** The repositories that are found: id, name, package and version, number of datasets, description. */
export function repositories(): Command<RepositorySummary[]> {
  return {
    needsRepositories: true,
    severalHosts: "lines",
    async run({ session, signal, onProgress }) {
      const answer = await session.agent.request("repositories/list", {}, { signal })
      const problems = answer.repositories.flatMap(({ error }) => (error === undefined ? [] : [error]))
      for (const message of [...problems, ...answer.unreadable]) {
        onProgress({ phase: "notice", level: "warning", message })
      }
      return answer.repositories
    },
    text: (list) =>
      list
        .map((each) => {
          const source = `${each.package}@${each.version}`
          return tabLine([each.id, each.name, source, String(each.datasets ?? "-"), each.description])
        })
        .join(""),
  }
}
