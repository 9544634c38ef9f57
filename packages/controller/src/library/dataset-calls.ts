import { acceptedAgreements } from "../accepted-agreements.ts"
import {
  DatamaestroError,
  newJobId,
  unlessAborted,
  type DatasetInfo,
  type Encoder,
  type Params,
  type ProgressEvent,
} from "@datamaestro/protocol"
import { Agreements } from "../agreements.ts"
import { libraryCall } from "./library-call.ts"
import { requestPrepare } from "../jobs/request-prepare.ts"
import { requireNoRelay } from "../relay/require-no-relay.ts"
import { silentPrompter } from "../reporter/silent-prompter.ts"
import type { Session, SessionEvent } from "../session/session.ts"
import type { OpenOptions, SessionSource } from "./session-source.ts"
import type { Prompter } from "../transport/prompter.ts"
import { readUserSettings, rememberAgreement, type UserSettings } from "../user-settings.ts"
import { valueWithId } from "../value-with-id.ts"

/** What every long call takes. */
export interface CallOptions {
  /** Aborting cancels the work on the data machine too; the call ends with INTERRUPTED. */
  signal?: AbortSignal | undefined
  onProgress?: ((event: ProgressEvent | SessionEvent) => void) | undefined
  /** Asked for passphrases, host keys and agreements; without one these are errors. */
  prompter?: Prompter | undefined
}

export interface ValueCallOptions extends CallOptions {
  encoder?: Encoder | undefined
}

export interface PrepareCallOptions extends ValueCallOptions {
  /** Agreements that are accepted, by id, besides those of the user settings. */
  accept?: readonly string[] | undefined
  /** `false`: ask no server; fail with NOT_PREPARED where the download cache lacks something. */
  download?: boolean | undefined
  force?: boolean | undefined
  keepDownloads?: boolean | undefined
  /** Most connections to one server for one file, 1 to 16; the data machine's settings, else 4, decide otherwise. */
  connections?: number | undefined
}

/** Resolves, downloads, verifies, extracts; the value with its paths. */
export async function prepareIn(source: SessionSource, id: string, options: PrepareCallOptions): Promise<unknown> {
  return await libraryCall(options, (heeded) => prepareWith(source, id, heeded))
}

async function prepareWith(source: SessionSource, id: string, options: PrepareCallOptions): Promise<unknown> {
  const settings = readUserSettings()
  const agreements = new Agreements({
    accepted: acceptedAgreements(settings, options.accept ?? []),
    prompter: options.prompter ?? silentPrompter,
    remember: rememberAgreement,
    onWarning: (message) => options.onProgress?.({ phase: "notice", level: "warning", message }),
  })
  return await withRepositories(source, options, async (session, signal) => {
    const params = { ...paramsOf(id, options, settings), onDisconnect: source.onDisconnect, slurm: source.slurm }
    const answer = await agreements.during((accepted) =>
      requestPrepare(session, { ...params, agreements: accepted }, { signal, onProgress: options.onProgress }),
    )
    return valueWithId(answer)
  })
}

/** Begins a preparation that outlives this program; the job's id. Agreements must have been accepted before. */
export async function startIn(source: SessionSource, id: string, options: PrepareCallOptions): Promise<string> {
  const settings = readUserSettings()
  const agreements = acceptedAgreements(settings, options.accept ?? [])
  const params = {
    ...paramsOf(id, options, settings),
    agreements,
    onDisconnect: "continue",
    slurm: source.slurm,
    job: newJobId(),
  } as const
  return await withRepositories(source, { ...options, detaches: true }, async (session, signal) => {
    requireNoRelay(session)
    const { job } = await session.agent.request("jobs/start", params, { signal })
    return job
  })
}

function paramsOf(
  id: string,
  options: PrepareCallOptions,
  { default_repository: defaultRepository }: UserSettings,
): Params<"datasets/prepare"> {
  return {
    id: checkedId(id),
    defaultRepository,
    encoder: options.encoder ?? "normal",
    download: options.download ?? true,
    force: options.force ?? false,
    keepDownloads: options.keepDownloads ?? false,
    connections: options.connections,
  }
}

/** The value with the paths it has or will have; nothing is fetched. */
export async function valueIn(source: SessionSource, id: string, options: ValueCallOptions): Promise<unknown> {
  const { default_repository: defaultRepository } = readUserSettings()
  return await withRepositories(source, options, async (session, signal) =>
    valueWithId(
      await session.agent.request(
        "datasets/value",
        { id: checkedId(id), defaultRepository, encoder: options.encoder ?? "normal" },
        { signal },
      ),
    ),
  )
}

/** The facts of a dataset, and its state. */
export async function infoIn(source: SessionSource, id: string, options: CallOptions): Promise<DatasetInfo> {
  const { default_repository: defaultRepository } = readUserSettings()
  return await withRepositories(source, options, (session, signal) =>
    session.agent.request("datasets/info", { id: checkedId(id), defaultRepository }, { signal }),
  )
}

function withRepositories<R>(
  source: SessionSource,
  options: CallOptions & Pick<OpenOptions, "detaches">,
  run: (session: Session, signal: AbortSignal | undefined) => Promise<R>,
): Promise<R> {
  return libraryCall(options, ({ signal, prompter, detaches, onProgress: onEvent }) =>
    source.use({ signal, prompter, detaches, onEvent }, async (session, until) => {
      await unlessAborted(session.declareRepositories(), until)
      return await run(session, until)
    }),
  )
}

function checkedId(id: unknown): string {
  if (typeof id === "string" && id.trim() !== "") return id
  throw new DatamaestroError(
    "USAGE",
    `Cannot find a dataset: ${typeof id === "string" ? "its id is empty" : "its id is no text"}`,
    {
      hint: 'an id is written as in "com.lecun.mnist"',
    },
  )
}
