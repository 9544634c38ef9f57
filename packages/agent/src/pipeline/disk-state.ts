import type { PlannedResource } from "@datamaestro/dataset"
import type { Paths } from "@datamaestro/protocol"
import type { DiskState } from "../resolve/info-of.ts"
import type { ResolvedDataset } from "../resolve/resolve-dataset.ts"
import { datasetKey, resourcePath, type Datafolders } from "../store/layout.ts"
import { exists, FoundDataset, isStored } from "./found-dataset.ts"

type State = DiskState["dataset"]

/** What the disk holds of a dataset, without changing anything: for `info` and `--dry-run`. */
export async function diskState(
  dataset: ResolvedDataset,
  options: { paths: Paths; datafolders: Datafolders },
): Promise<DiskState> {
  const found = await FoundDataset.read(options.paths, dataset.plan, options.datafolders)
  const resources: Record<string, State> = {}
  const needed: State[] = []
  for (const resource of dataset.plan.resources) {
    const state = await stateOf(dataset, resource, found, options)
    resources[resource.name] = state
    if (!isStored(resource) || (await found.isNeeded(resource))) needed.push(state)
  }
  return { dataset: combined(needed), resources }
}

async function stateOf(
  dataset: ResolvedDataset,
  resource: PlannedResource,
  found: FoundDataset,
  options: { paths: Paths; datafolders: Datafolders },
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
  const recorded = found.state.of(resource.name) ?? "none"
  if (recorded !== "complete") return recorded
  return found.leadsToItsPlace(resource) && (await found.isComplete(resource)) ? "complete" : "none"
}

function combined(states: readonly State[]): State {
  if (states.every((state) => state === "complete")) return "complete"
  return states.every((state) => state === "none") ? "none" : "partial"
}
