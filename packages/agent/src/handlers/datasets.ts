import type { AgentHandlers } from "@datamaestro/protocol"
import type { AgentSession } from "../agent-session.ts"
import { resolve, valueOf } from "../prepare-request.ts"

type DatasetMethods = `datasets/${"search" | "info" | "value" | "plan" | "verify"}`

/** Finding datasets and telling of them. */
export function datasetHandlers(session: AgentSession): Pick<AgentHandlers, DatasetMethods> {
  return {
    "datasets/search": async ({ terms }) => {
      const [{ searchDatasets }, index] = await Promise.all([
        import("../resolve/search-datasets.ts"),
        session.repositoryIndex(),
      ])
      return await searchDatasets(terms, index)
    },

    "datasets/info": async (selector) => {
      const dataset = await resolve(session, selector, true)
      const { infoOf } = await import("../resolve/info-of.ts")
      const { diskState } = await import("../pipeline.ts")
      const { datafolders = {} } = await session.settings()
      const options = { paths: session.paths, datafolders }
      return infoOf(dataset, { ...options, state: await diskState(dataset, options) })
    },

    "datasets/value": async ({ encoder, ...selector }) => {
      const dataset = await resolve(session, selector)
      return await valueOf(session, dataset, encoder)
    },

    "datasets/plan": async (selector) => {
      const dataset = await resolve(session, selector)
      const { planWork } = await import("../pipeline.ts")
      const { datafolders = {}, mirrors = {} } = await session.settings()
      const cache = await session.downloadCache()
      return await planWork(dataset, { paths: session.paths, datafolders, mirrors, cache })
    },

    "datasets/verify": async (selector, { signal, progress }) => {
      const dataset = await resolve(session, selector)
      const { verifyDataset } = await import("../pipeline/verify-dataset.ts")
      return await verifyDataset(dataset, { paths: session.paths, signal, progress })
    },
  }
}
