import { isDefinition, type AnyDefinition } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import { inspect } from "node:util"

export type SelectedValues = Readonly<Record<string, unknown>>

/** The id that the agent is asked for: of a definition or as given, with the selection: `org.example.words[dim=50]`. */
export function datasetId(dataset: string | AnyDefinition, selection: SelectedValues = {}): string {
  const id = typeof dataset === "string" ? dataset : definitionId(dataset)
  const chosen = Object.entries(selection).filter(([, value]) => value !== undefined)
  if (chosen.length === 0) return id
  if (id.includes("[")) {
    throw new DatamaestroError("USAGE", `Cannot select twice: "${id}" has a selection already`, {
      hint: "write it in the id or give it as an option, not both",
    })
  }
  const [base = "", repository] = id.split("@", 2)
  const axes = chosen
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${valueText(id, name, value)}`)
  return `${base}[${axes.join(",")}]${repository === undefined ? "" : `@${repository}`}`
}

/** A string in quotes, so that `"null"` and `"a,b"` stay what they are. */
function valueText(id: string, axis: string, value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value)
  if (value === null || ["number", "bigint", "boolean"].includes(typeof value)) return String(value)
  throw new DatamaestroError(
    "USAGE",
    `Cannot select ${inspect(value, { depth: 0, breakLength: Infinity })} as "${axis}" of "${id}"`,
    {
      hint: `selection.${axis} is to be a string, a number, true or false`,
      details: { option: "selection" },
    },
  )
}

function definitionId(definition: unknown): string {
  if (isDefinition(definition)) return definition.id
  throw new DatamaestroError("USAGE", "Cannot prepare this: neither an id nor a dataset's definition", {
    hint: 'give "com.lecun.mnist", or what defineDataset returned',
  })
}
