import type { PlannedResource } from "@datamaestro/dataset"
import type { GlobalSettings, Paths } from "@datamaestro/protocol"
import type { DiskState } from "../resolve/info-of.ts"
import type { ResolvedDataset } from "../resolve/resolve-dataset.ts"
import { datasetKey, resourcePath, type Datafolders } from "../store/layout.ts"
import { exists } from "../store/exists.ts"
import { FoundDataset } from "./found-dataset.ts"
import { isStored, type StoredResource } from "./stored-resource.ts"
import { isStanding } from "./unrecorded.ts"

type State = DiskState["dataset"]

interface DiskOptions {
  paths: Paths
  datafolders: Datafolders
  mirrors?: GlobalSettings["mirrors"] | undefined
}

/** What the disk holds of a dataset, without changing anything: for `info` and `--dry-run`. */
export async function diskState(dataset: ResolvedDataset, options: DiskOptions): Promise<DiskState> {
  const found = await FoundDataset.read(options.paths, dataset.plan, options.datafolders)
  const resources: Record<string, State> = {}
  const needed: State[] = []
  const isThere = (one: StoredResource): Promise<boolean> => isStanding(found, one, options.mirrors)
  for (const resource of dataset.plan.resources) {
    const state = await stateOf(dataset, resource, found, options)
    resources[resource.name] = state
    if (!isStored(resource) || (await found.isNeeded(resource, isThere))) needed.push(state)
  }
  return { dataset: combined(needed), resources }
}

async function stateOf(
  dataset: ResolvedDataset,
  resource: PlannedResource,
  found: FoundDataset,
  options: DiskOptions,
): Promise<State> {
  if (resource.kind === "reference") {
    const referenced = dataset.references.get(datasetKey(resource))
    return referenced === undefined ? "none" : (await diskState(referenced, options)).dataset
  }
  if (resource.kind === "datafolder") {
    if (!Object.hasOwn(options.datafolders, resource.folder)) return "none"
    return (await exists(resourcePath(options.paths, dataset.plan, resource, options.datafolders)))
      ? "complete"
      : "none"
  }
  if (found.state.of(resource.name) === "partial") return "partial"
  return (await isStanding(found, resource, options.mirrors)) ? "complete" : "none"
}

function combined(states: readonly State[]): State {
  if (states.every((state) => state === "complete")) return "complete"
  return states.every((state) => state === "none") ? "none" : "partial"
}
