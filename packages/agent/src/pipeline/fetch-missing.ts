import { downloadsOf } from "@datamaestro/dataset"
import { interrupted } from "@datamaestro/protocol"
import { sideBySide } from "../concurrency/side-by-side.ts"
import type { FetchRequest } from "../pipeline-types.ts"
import type { StoredResource } from "./stored-resource.ts"
import { located } from "./located.ts"
import type { Preparation } from "./preparation.ts"
import { prepareBucket } from "./prepare-bucket.ts"
import type { Standing } from "./prepare-resources.ts"
import { RESOURCES_AT_ONCE } from "./queues.ts"
import { fetchWhole } from "./with-download.ts"

/**
 * Downloads all that is missing into the cache, where whoever prepares it later, maybe on a machine without a way out,
 * finds it. A bucket has no cache: it is put into its place. What is asked for only when it is known (a page of an
 * archive of the web, what a step fetches) is left.
 */
export async function fetchMissing(
  preparation: Preparation,
  standing: Standing,
  stop: (reason: unknown) => void,
): Promise<void> {
  const tasks = [...standing].flatMap(([resource, how]) =>
    how === undefined ? fetchesOf(preparation, resource).map((fetch) => ({ fetch, name: resource.name })) : [],
  )
  const work = async ({ fetch, name }: (typeof tasks)[number]): Promise<void> => {
    try {
      if (preparation.signal.aborted) throw interrupted()
      await fetch()
    } catch (error) {
      throw located(error, preparation.plan.id, name)
    }
  }
  await sideBySide(RESOURCES_AT_ONCE, tasks, work, stop)
}

function fetchesOf(preparation: Preparation, resource: StoredResource): (() => Promise<unknown>)[] {
  if (resource.kind === "bucket") return [() => prepareBucket(preparation, resource)]
  if (resource.kind === "wayback") return []
  return downloadsOf(resource).map((download) => async () => {
    const { urls, size, integrity } = download
    // An untransformed file is its download: all of its sums are the download's.
    const plain = resource.kind === "file" && resource.transforms.length === 0
    const sums = integrity.filter(({ of }) => plain || of === "download")
    const request: FetchRequest = {
      urls,
      size,
      integrity: sums.map((sum) => ({ ...sum, of: "download" as const })),
      ...(resource.kind === "file" ? { name: resource.target } : { archive: true }),
    }
    await fetchWhole(preparation, resource, request)
  })
}
