import type { DatasetInfo } from "@datamaestro/protocol"
import { sanitizeText } from "../reporter/sanitize.ts"
import type { Command } from "./command.ts"

type Origin = NonNullable<DatasetInfo["resources"][number]["from"]>[number]

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
  if (dataset.timestamp) add("timestamp", "its contents change over time")
  add("type", dataset.type)
  add("tags", dataset.tags.join(", "))
  add("tasks", dataset.tasks.join(", "))
  for (const [name, axis] of Object.entries(dataset.axes)) {
    const outside = axis.inId === false ? "; not part of the id" : ""
    const chosen = axis.default === undefined ? "" : ` (default ${JSON.stringify(axis.default)})`
    add(`axis ${name}`, `${domainOf(axis)}${chosen}${outside}`)
  }
  if (dataset.example !== undefined) add("example", `datamaestro prepare '${dataset.example}'`)
  if (dataset.agreement !== undefined) {
    add("agreement", [dataset.agreement.id, dataset.agreement.url].filter((part) => part !== undefined).join(" "))
  }
  add("path", dataset.path)
  add("state", dataset.state)
  for (const resource of dataset.resources) {
    add(`resource ${resource.name}`, `${resource.kind}, ${resource.state}`)
    for (const urls of resource.downloads ?? [resource.urls]) {
      for (const [at, url] of urls.entries()) lines.push(`  ${at === 0 ? "from" : "or"} ${sanitizeText(url)}`)
    }
    for (const [at, origin] of (resource.from ?? []).entries()) {
      lines.push(
        `  ${at > 0 && ["linkfolder", "linkfile"].includes(resource.kind) ? "or" : "from"} ${sanitizeText(nameOf(origin))}`,
      )
    }
    if (resource.path !== undefined) lines.push(`  at ${sanitizeText(resource.path)}`)
    for (const integrity of resource.integrity) lines.push(`  ${sanitizeText(integrity)}`)
  }
  return `${lines.join("\n")}\n`
}

function nameOf({ dataset, resource, folder, path }: Origin): string {
  if (dataset !== undefined) return `dataset ${dataset}`
  if (resource !== undefined) return `resource ${resource}`
  if (folder === undefined) return path ?? ""
  return `data folder ${folder}${path ? `, in it ${path}` : ""}`
}

function domainOf({ domain, type }: DatasetInfo["axes"][string]): string {
  if (domain !== undefined) return domain.map((each) => JSON.stringify(each)).join(", ")
  return type === undefined ? "any value" : `any ${type}`
}
