import { basename, dirname, join } from "node:path"
import { downloadsOf } from "@datamaestro/dataset"
import type { AgentSession } from "../agent-session.ts"
import { hasEnded, jobIds, readSpecification } from "../jobs/job-folder.ts"
import { resolve } from "../prepare-request.ts"
import { preparationOrder } from "../resolve/resolve-dataset.ts"
import { redactUrl } from "../store/cache-url.ts"

/**
 * Tells whether a download, by its first URL, is one that the login node has fetched for another job too, which has not ended:
 * that one may run where it can't be had again.
 *
 * @param own the folder of the job that asks
 */
export function awaitedByOthers(session: AgentSession, own: string): (url: string) => Promise<boolean> {
  const jobs = dirname(own)
  const known = new Map<string, Promise<ReadonlySet<string>>>()
  return async (url) => {
    for (const id of await jobIds(jobs).catch(() => [])) {
      const folder = join(jobs, id)
      if (id === basename(own) || (await hasEnded(folder))) continue
      const fetched = known.get(id) ?? fetchedFor(session, folder)
      known.set(id, fetched)
      if ((await fetched).has(url)) return true
    }
    return false
  }
}

async function fetchedFor(session: AgentSession, folder: string): Promise<ReadonlySet<string>> {
  const found = await readSpecification(folder)
  if (found.kind !== "found" || found.value.request.slurm?.fetch !== "login") return new Set()
  const dataset = await resolve(session, found.value.request).catch(() => undefined)
  const resources = dataset === undefined ? [] : preparationOrder(dataset).flatMap(({ plan }) => plan.resources)
  return new Set(resources.flatMap((one) => downloadsOf(one).flatMap(({ urls }) => urls.slice(0, 1).map(redactUrl))))
}
