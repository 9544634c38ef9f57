import {
  DatamaestroError,
  type Params,
  type ProgressListener,
  type RelayMode,
  type RequestContext,
  type Result,
} from "@datamaestro/protocol"
import type { AgentSession } from "./agent-session.ts"
import type { CopyReader } from "./copy/copy-reader.ts"
import type { Relay, WayOut } from "./fetch/way-out.ts"
import type { PrepareOptions } from "./pipeline.ts"
import type { ResolvedDataset } from "./resolve/resolve-dataset.ts"

/** Resolves a dataset, prepares it, and tells its value. */
export async function prepareRequest(
  session: AgentSession,
  {
    job: _job,
    onDisconnect: _onDisconnect,
    relay: mode,
    copy,
    id,
    defaultRepository,
    encoder,
    agreements = [],
    ...options
  }: Params<"datasets/prepare">,
  {
    signal,
    progress,
    followHolder,
    relay,
  }: RequestContext & Pick<PrepareOptions, "followHolder"> & { relay?: Relay | undefined },
): Promise<Result<"datasets/prepare">> {
  const dataset = await resolve(session, { id, defaultRepository })
  const { prepareDataset } = await import("./pipeline.ts")
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
    followHolder,
    wayOut: await wayOut(relay, mode, progress),
    copy: copy === true ? await copyReader(relay) : undefined,
  })
  return await valueOf(session, dataset, encoder)
}

async function copyReader(relay: Relay | undefined): Promise<CopyReader> {
  if (relay === undefined) throw new DatamaestroError("PROTOCOL_MISMATCH", "Cannot copy: there is no controller to ask")
  const { CopyReader } = await import("./copy/copy-reader.ts")
  return new CopyReader(relay)
}

async function wayOut(
  relay: Relay | undefined,
  mode: RelayMode | undefined,
  progress: ProgressListener,
): Promise<WayOut | undefined> {
  if (relay === undefined || mode === undefined) return undefined
  const { WayOut } = await import("./fetch/way-out.ts")
  return new WayOut({ relay, mode, progress })
}

/** The dataset that a selector means, with those it refers to. */
export async function resolve(
  session: AgentSession,
  { id, defaultRepository }: Params<"datasets/info">,
  example = false,
): Promise<ResolvedDataset> {
  const [{ resolveDataset }, index] = await Promise.all([
    import("./resolve/resolve-dataset.ts"),
    session.repositoryIndex(),
  ])
  return await resolveDataset(id, index, { defaultRepository, example })
}

/** A dataset's value with the paths it has or will have. */
export async function valueOf(
  session: AgentSession,
  dataset: ResolvedDataset,
  encoder: Params<"datasets/value">["encoder"],
): Promise<Result<"datasets/value">> {
  const { preparationOrder } = await import("./resolve/resolve-dataset.ts")
  const { encodeValue } = await import("./describe/encode-value.ts")
  const { finalPaths } = await import("./store/layout.ts")
  const { datafolders = {} } = await session.settings()
  const plans = preparationOrder(dataset).map(({ plan }) => plan)
  const pathOf = finalPaths({ paths: session.paths, datafolders, plans })
  const { id, repository } = dataset.plan
  return { id, repository, value: encodeValue(dataset.plan, { encoder, pathOf }) }
}
