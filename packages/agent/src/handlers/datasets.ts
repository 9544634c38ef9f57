import type { AgentHandlers, Params, RequestContext, Result } from "@datamaestro/protocol"
import type { AgentSession } from "../agent-session.ts"
import type { ResolvedDataset } from "../resolve/resolve-dataset.ts"

type DatasetMethods = "datasets/search" | "datasets/info" | "datasets/value" | "datasets/plan" | "datasets/prepare"

/** Finding datasets, telling of them, and preparing them. */
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

    "datasets/prepare": async (params, context) => await prepare(session, params, context),
  }
}

async function prepare(
  session: AgentSession,
  { id, defaultRepository, encoder, agreements = [], ...options }: Params<"datasets/prepare">,
  { signal, progress }: RequestContext,
): Promise<Result<"datasets/prepare">> {
  const dataset = await resolve(session, { id, defaultRepository })
  const { prepareDataset } = await import("../pipeline.ts")
  const { datafolders = {}, mirrors = {}, connections, tokens } = await session.settings()
  const cache = await session.downloadCache()
  await prepareDataset(dataset, {
    ...options,
    connections: options.connections ?? connections,
    tokens,
    paths: session.paths,
    datafolders,
    mirrors,
    cache,
    agreements,
    signal,
    progress,
  })
  return await valueOf(session, dataset, encoder)
}

async function resolve(
  session: AgentSession,
  { id, defaultRepository }: Params<"datasets/info">,
  example = false,
): Promise<ResolvedDataset> {
  const [{ resolveDataset }, index] = await Promise.all([
    import("../resolve/resolve-dataset.ts"),
    session.repositoryIndex(),
  ])
  return await resolveDataset(id, index, { defaultRepository, example })
}

async function valueOf(
  session: AgentSession,
  dataset: ResolvedDataset,
  encoder: Params<"datasets/value">["encoder"],
): Promise<Result<"datasets/value">> {
  const { preparationOrder } = await import("../resolve/resolve-dataset.ts")
  const { encodeValue } = await import("../describe/encode-value.ts")
  const { finalPaths } = await import("../store/layout.ts")
  const { datafolders = {} } = await session.settings()
  const plans = preparationOrder(dataset).map(({ plan }) => plan)
  const pathOf = finalPaths({ paths: session.paths, datafolders, plans })
  const { id, repository } = dataset.plan
  return { id, repository, value: encodeValue(dataset.plan, { encoder, pathOf }) }
}
