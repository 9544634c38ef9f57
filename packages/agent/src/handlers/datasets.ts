import type { AgentHandlers, GlobalSettings, Params, Result } from "@datamaestro/protocol"
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

    "datasets/info": (selector) => tellInfo(session, selector),

    "datasets/sources": async (selector) => {
      const dataset = await resolve(session, selector)
      const { planSources } = await import("../pipeline/plan-sources.ts")
      return planSources(dataset)
    },

    "datasets/value": async ({ encoder, ...selector }) => {
      const dataset = await resolve(session, selector)
      return await valueOf(session, dataset, encoder)
    },

    "datasets/plan": (params, { signal }) => tellPlan(session, params, signal),

    "datasets/verify": async (selector, { signal, progress }) => {
      const dataset = await resolve(session, selector)
      const { verifyDataset } = await import("../pipeline/verify-dataset.ts")
      return await verifyDataset(dataset, { paths: session.paths, signal, progress })
    },
  }
}

async function tellInfo(session: AgentSession, selector: Params<"datasets/info">): Promise<Result<"datasets/info">> {
  const dataset = await resolve(session, selector, true)
  const { infoOf } = await import("../resolve/info-of.ts")
  const { diskState } = await import("../pipeline.ts")
  const { sourcesOf } = await import("../fetch/sources.ts")
  const { datafolders, mirrors } = await sourceSettings(session)
  const options = { paths: session.paths, datafolders, mirrors }
  const sources = (urls: readonly string[]): string[] => sourcesOf(urls, mirrors)
  return infoOf(dataset, { ...options, sources, state: await diskState(dataset, options) })
}

async function tellPlan(
  session: AgentSession,
  { ask = false, keepDownloads = false, agreements, ...selector }: Params<"datasets/plan">,
  signal: AbortSignal,
): Promise<Result<"datasets/plan">> {
  const dataset = await resolve(session, selector)
  const { planWork } = await import("../pipeline.ts")
  const { datafolders, mirrors } = await sourceSettings(session)
  const cache = await session.downloadCache()
  const { paths } = session
  return await planWork(dataset, { paths, datafolders, mirrors, cache, ask, keepDownloads, agreements, signal })
}

interface SourceSettings {
  datafolders: NonNullable<GlobalSettings["datafolders"]>
  mirrors: GlobalSettings["mirrors"]
}

/** Where else than at the plan's URLs data may be. */
async function sourceSettings(session: AgentSession): Promise<SourceSettings> {
  const { withHubEndpoint } = await import("../fetch/hugging-face.ts")
  const { datafolders = {}, mirrors } = await session.settings()
  return { datafolders, mirrors: withHubEndpoint(mirrors, process.env) }
}
