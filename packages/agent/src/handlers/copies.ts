import type { AgentHandlers } from "@datamaestro/protocol"
import type { AgentSession } from "../agent-session.ts"
import type { OfferedDataset } from "../copy/offered-dataset.ts"
import { resolve } from "../prepare-request.ts"

/** Much more would hold up other messages. */
const MOST_BYTES = 4 * 1024 * 1024

/** Prepared data, for another machine to copy. */
export function copyHandlers(session: AgentSession): Pick<AgentHandlers, `copies/${"describe" | "manifest" | "read"}`> {
  const offers = new Map<string, Promise<OfferedDataset>>()

  const offer = (dataset: string, signal: AbortSignal): Promise<OfferedDataset> => {
    let found = offers.get(dataset)
    if (found === undefined) {
      found = Promise.all([resolve(session, { id: dataset }), import("../copy/offered-dataset.ts")]).then(
        ([resolved, { OfferedDataset }]) => OfferedDataset.read(resolved, session.paths, signal),
      )
      found.catch(() => offers.delete(dataset))
      offers.set(dataset, found)
    }
    return found
  }

  return {
    "copies/describe": async (selector) => {
      const dataset = await resolve(session, selector)
      const [{ requirePrepared }, { FoundDataset }, { preparationOrder }, { selectorOf }, { datasetKey }] =
        await Promise.all([
          import("../copy/offered-dataset.ts"),
          import("../pipeline/found-dataset.ts"),
          import("../resolve/resolve-dataset.ts"),
          import("../resolve/selector-of.ts"),
          import("../store/layout.ts"),
        ])
      const order = preparationOrder(dataset)
      for (const { plan } of order) await requirePrepared(await FoundDataset.read(session.paths, plan))
      const id = `${selectorOf(dataset)}@${dataset.plan.repository}`
      return { id, datasets: order.map(({ plan }) => datasetKey(plan)) }
    },
    "copies/manifest": async ({ dataset }, { signal }) => (await offer(dataset, signal)).description,
    "copies/read": async ({ dataset, paths, offset, length }, { signal, sendBytes }) => {
      const offered = await offer(dataset, signal)
      await sendBytes(await offered.read(paths, offset, Math.min(length, MOST_BYTES)))
      return {}
    },
  }
}
