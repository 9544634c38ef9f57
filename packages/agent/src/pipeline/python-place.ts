import { lstat, readdir, rmdir } from "node:fs/promises"
import { join, relative } from "node:path"
import type { Plan, PlannedArchive, PlannedResource } from "@datamaestro/dataset"
import { findNestedDataset, holdsFiles } from "../place/nested-dataset.ts"
import { listFiles } from "./list-files.ts"
import { placeResource } from "./place-resource.ts"
import type { FoundDataset } from "./found-dataset.ts"
import type { StoredResource } from "./stored-resource.ts"
import type { Preparation } from "./preparation.ts"
import { makeWorkFolder } from "./work-folder.ts"

/**
 * The folder into which Python datamaestro extracts an archive, named after that as soon as the dataset has anything else; of
 * suffixes it drops `.zip`, `.tar` and `.tar.gz` only. `""`: the dataset's folder itself.
 */
function pythonPlace({ resources }: Plan, resource: PlannedResource): string | undefined {
  if (!isArchive(resource)) return undefined
  const [url] = resource.download.urls
  if (url === undefined || !URL.canParse(url)) return undefined
  if (resources.length === 1) return ""
  const name = new URL(url).pathname.split("/").findLast((part) => part !== "")
  return name?.replace(resource.kind === "zip" ? /\.zip$/ : /\.tar(\.gz)?$/, "")
}

/** Python gives two archives of one name one folder, fetches one of them, and calls both complete: whose it is nobody can tell. */
export function isSharedPlace(plan: Plan, resource: PlannedResource): boolean {
  const place = pythonPlace(plan, resource)
  return place !== undefined && plan.resources.some((other) => other !== resource && pythonPlace(plan, other) === place)
}

/** The folder, below the dataset's, in which Python datamaestro has this archive, where we have it in another. */
export async function pythonFolder(found: FoundDataset, resource: StoredResource): Promise<string | undefined> {
  const { folder, plan } = found
  const place = pythonPlace(plan, resource)
  if (place === undefined || place === "" || place === resource.target || isSharedPlace(plan, resource))
    return undefined
  if (found.state.of(resource.name) === "partial" || found.manifest.record(resource.name) !== undefined)
    return undefined
  if (found.takenBy(resource, place) !== undefined) return undefined
  const path = join(folder, place)
  const status = await lstat(path).catch(() => undefined)
  if (status?.isDirectory() !== true || !(await holdsFiles(path))) return undefined
  return (await findNestedDataset(path)) === undefined ? place : undefined
}

/** Whether nothing of what is there would fill the place of another resource where we have it. */
export async function isMovable(found: FoundDataset, resource: StoredResource, place: string): Promise<boolean> {
  const names = resource.target === "" ? await readdir(join(found.folder, place)) : []
  return names.every((name) => found.takenBy(resource, name) === undefined)
}

/** Moves what is there to where we have it; as any placement it survives a kill. */
export async function moveFromPython(preparation: Preparation, resource: StoredResource, place: string): Promise<void> {
  const { folder, options, plan } = preparation
  const { target } = resource
  const names = target === "" ? await readdir(join(folder, place)) : [""]
  const files = await listFiles(folder, [place])
  const work = makeWorkFolder(preparation, resource)
  const from = relative(work, join(folder, place))
  await placeResource(preparation, resource, work, {
    moves: names.map((name) => ({ from: join(from, name), to: join(target, name) })),
    record: {
      adopted: true,
      verified: false,
      // Which of them the archive has brought nobody knows.
      links: undefined,
      files: files.map((file) => ({ ...file, path: join(target, relative(place, file.path)) })),
    },
  })
  await rmdir(join(folder, place)).catch(() => {})
  options.progress({
    phase: "notice",
    level: "info",
    message: `${plan.id}: "${join(folder, place)}" was there already, is moved to "${join(folder, target)}", and is used unverified: no sum of it is known`,
  })
}

function isArchive(resource: PlannedResource): resource is Extract<PlannedResource, PlannedArchive> {
  return resource.kind === "tar" || resource.kind === "zip"
}
