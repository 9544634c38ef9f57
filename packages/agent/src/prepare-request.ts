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

type Request = Params<"datasets/prepare">
type PrepareContext = Pick<RequestContext, "signal" | "progress"> &
  Pick<PrepareOptions, "followHolder" | "sharing" | "isAwaited"> & { relay?: Relay | undefined }

/** Resolves a dataset, prepares it, and tells its value. */
export async function prepareRequest(
  session: AgentSession,
  request: Request,
  context: PrepareContext,
): Promise<Result<"datasets/prepare">> {
  const dataset = await resolve(session, request)
  const { prepareDataset } = await import("./pipeline.ts")
  await prepareDataset(dataset, await prepareOptions(session, request, context))
  return await valueOf(session, dataset, request.encoder)
}

/** @throws DatamaestroError where there is no such dataset, or something lacks that only the person can provide */
export async function requireReady(session: AgentSession, request: Request, signal: AbortSignal): Promise<void> {
  const dataset = await resolve(session, request)
  const { isPrepared } = await import("./pipeline.ts")
  await isPrepared(dataset, await prepareOptions(session, request, { signal, progress: () => {} }))
}

/** What a preparation is told, with what the data machine's settings add. */
export async function prepareOptions(
  session: AgentSession,
  request: Request,
  { relay, ...context }: PrepareContext,
): Promise<PrepareOptions> {
  const { download, force, keepDownloads, agreements = [] } = request
  const { datafolders = {}, mirrors = {}, connections, tokens } = await session.settings()
  return {
    download,
    force,
    keepDownloads,
    agreements,
    connections: request.connections ?? connections,
    tokens,
    paths: session.paths,
    datafolders,
    mirrors,
    cache: await session.downloadCache(),
    wayOut: await wayOut(relay, request.relay, context.progress),
    copy: request.copy === true ? await copyReader(relay) : undefined,
    ...context,
  }
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
