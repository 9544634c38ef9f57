import type { DatasetInfo } from "@datamaestro/protocol"
import { sanitizeText } from "../reporter/sanitize.ts"
import type { Command } from "./command.ts"

/** The facts of one dataset, as lines `field: value`. */
export function info(id: string): Command<DatasetInfo> {
  return {
    needsRepositories: true,
    severalHosts: "object",
    run: ({ session, signal, invocation }) =>
      session.agent.request(
        "datasets/info",
        { id, defaultRepository: invocation.settings.default_repository },
        { signal },
      ),
    text: describe,
  }
}

function describe(dataset: DatasetInfo): string {
  const lines: string[] = []
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== "") lines.push(`${name}: ${sanitizeText(value).replaceAll("\n", "\n  ")}`)
  }
  add("id", dataset.id)
  add("name", dataset.name)
  add("repository", dataset.repository)
  add("description", dataset.description)
  add("homepage", dataset.homepage)
  add("license", dataset.license)
  add("doi", dataset.doi)
  add("size", dataset.size)
  add("type", dataset.type)
  add("tags", dataset.tags.join(", "))
  add("tasks", dataset.tasks.join(", "))
  for (const [name, axis] of Object.entries(dataset.axes)) {
    const domain = axis.domain === undefined ? "any value" : axis.domain.map((each) => JSON.stringify(each)).join(", ")
    add(`axis ${name}`, axis.default === undefined ? domain : `${domain} (default ${JSON.stringify(axis.default)})`)
  }
  if (dataset.agreement !== undefined) {
    add("agreement", [dataset.agreement.id, dataset.agreement.url].filter((part) => part !== undefined).join(" "))
  }
  add("path", dataset.path)
  add("state", dataset.state)
  for (const resource of dataset.resources) {
    add(`resource ${resource.name}`, `${resource.kind}, ${resource.state}`)
    for (const url of resource.urls) lines.push(`  from ${sanitizeText(url)}`)
    if (resource.path !== undefined) lines.push(`  at ${sanitizeText(resource.path)}`)
    for (const integrity of resource.integrity) lines.push(`  ${sanitizeText(integrity)}`)
  }
  return `${lines.join("\n")}\n`
}
