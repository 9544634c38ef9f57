import type { AgentHandlers } from "@datamaestro/protocol"
import type { AgentSession } from "../agent-session.ts"
import { resolve, valueOf } from "../prepare-request.ts"

type DatasetMethods = `datasets/${"search" | "info" | "sources" | "value" | "plan" | "verify"}`

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
      const [{ sourcesOf }, { withHubEndpoint }] = await Promise.all([
        import("../fetch/sources.ts"),
        import("../fetch/hugging-face.ts"),
      ])
      const { datafolders = {}, mirrors } = await session.settings()
      const options = { paths: session.paths, datafolders }
      const all = withHubEndpoint(mirrors, process.env)
      const sources = (urls: readonly string[]): string[] => sourcesOf(urls, all)
      return infoOf(dataset, { ...options, sources, state: await diskState(dataset, options) })
    },

    "datasets/sources": async (selector) => {
      const dataset = await resolve(session, selector)
      const { planSources } = await import("../pipeline/plan-sources.ts")
      return planSources(dataset)
    },

    "datasets/value": async ({ encoder, ...selector }) => {
      const dataset = await resolve(session, selector)
      return await valueOf(session, dataset, encoder)
    },

    "datasets/plan": async ({ ask = false, keepDownloads = false, agreements, ...selector }, { signal }) => {
      const dataset = await resolve(session, selector)
      const { planWork } = await import("../pipeline.ts")
      const { withHubEndpoint } = await import("../fetch/hugging-face.ts")
      const { datafolders = {}, mirrors } = await session.settings()
      const cache = await session.downloadCache()
      const all = withHubEndpoint(mirrors, process.env)
      const { paths } = session
      return await planWork(dataset, {
        paths,
        datafolders,
        mirrors: all,
        cache,
        ask,
        keepDownloads,
        agreements,
        signal,
      })
    },

    "datasets/verify": async (selector, { signal, progress }) => {
      const dataset = await resolve(session, selector)
      const { verifyDataset } = await import("../pipeline/verify-dataset.ts")
      return await verifyDataset(dataset, { paths: session.paths, signal, progress })
    },
  }
}
