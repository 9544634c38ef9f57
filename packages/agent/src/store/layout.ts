import { join } from "node:path"
import type { PathReference, Plan, PlannedResource } from "@datamaestro/dataset"
import { DatamaestroError, type Paths } from "@datamaestro/protocol"
import { expandPath } from "../data-directory.ts"

/** The settings' `datafolders`: name to path, as the file has it. */
export type Datafolders = Readonly<Record<string, string>>

/**
 * A dataset's folder below `DATA/data`, with forward slashes: the id's dots become folders, a variant stays one
 * name, and what some file system or shell would trip over in it is percent-encoded.
 *
 * @param id with its variant: `org.example.words[dim=50]`
 */
export function folderName(repository: string, id: string): string {
  const bracket = id.indexOf("[")
  const base = bracket < 0 ? id : id.slice(0, bracket)
  const variant = bracket < 0 ? "" : id.slice(bracket)
  return `${repository}/${base.replaceAll(".", "/")}${encodeName(variant)}`
}

/** Absolute path of a dataset's folder. It may contain the folders of others, whose ids begin with this one's. */
export function datasetFolder(paths: Paths, plan: Pick<Plan, "folder">): string {
  return join(paths.datasets, ...plan.folder.split("/"))
}

/**
 * Absolute final path of a resource's output; that of a reference is the other dataset's folder.
 *
 * @throws DatamaestroError DATAFOLDER_MISSING when the settings lack the data folder
 */
export function resourcePath(
  paths: Paths,
  plan: Pick<Plan, "id" | "folder">,
  resource: PlannedResource,
  datafolders: Datafolders = {},
): string {
  switch (resource.kind) {
    case "reference":
      return datasetFolder(paths, { folder: folderName(resource.repository, resource.id) })
    case "datafolder":
      return join(datafolder(paths, plan, resource.folder, datafolders), ...parts(resource.path))
    default:
      return join(datasetFolder(paths, plan), ...parts(resource.target))
  }
}

export interface FinalPathOptions {
  paths: Paths
  datafolders: Datafolders
  /** The plan and those of all datasets that it refers to, directly or not. */
  plans: Iterable<Plan>
}

/** Makes the function from path references to absolute paths; it throws as `resourcePath` does. */
export function finalPaths({ paths, datafolders, plans }: FinalPathOptions): (reference: PathReference) => string {
  const byKey = new Map([...plans].map((plan) => [datasetKey(plan), plan]))
  return ({ $path }) => {
    const plan = byKey.get(datasetKey({ id: $path.dataset, repository: $path.repository }))
    const resource = plan?.resources.find(({ name }) => name === $path.resource)
    if (plan === undefined || resource === undefined) {
      throw new DatamaestroError(
        "BROKEN_DEFINITION",
        `Cannot find resource "${$path.resource}" of dataset "${$path.dataset}": the plan has no such resource`,
        { hint: `tell those who keep the repository "${$path.repository}"`, details: { ...$path } },
      )
    }
    return join(resourcePath(paths, plan, resource, datafolders), ...$path.segments)
  }
}

/** What tells one dataset from all others: `com.lecun.mnist@image`. */
export function datasetKey(dataset: { id: string; repository: string }): string {
  return `${dataset.id}@${dataset.repository}`
}

function datafolder(paths: Paths, plan: Pick<Plan, "id">, name: string, datafolders: Datafolders): string {
  const folder = Object.hasOwn(datafolders, name) ? datafolders[name] : undefined
  if (folder === undefined) {
    throw new DatamaestroError(
      "DATAFOLDER_MISSING",
      `Cannot use dataset "${plan.id}": data folder "${name}" is not set`,
      {
        hint: `tell where it is with \`datamaestro datafolders set ${name} PATH\``,
        details: { datafolder: name, dataset: plan.id },
      },
    )
  }
  // A settings file written by hand may say a relative path, which is meant from the data directory, or "~/…".
  return expandPath(folder, paths.data)
}

function parts(path: string): string[] {
  return path === "" ? [] : path.split("/")
}

function encodeName(name: string): string {
  if (/^[\w.,=[\]+-]*$/.test(name)) return name
  return name.replace(/[^\p{L}\p{M}\p{N}_.,=[\]+-]/gu, (character) =>
    Array.from(
      new TextEncoder().encode(character),
      (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    ).join(""),
  )
}
