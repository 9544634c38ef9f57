import { DatamaestroError, newJobId, type Encoder, type Params, type Result } from "@datamaestro/protocol"
import type { Call, Command } from "./command.ts"
import { valueWithId } from "../value-with-id.ts"
import { requestPrepare } from "../jobs/request-prepare.ts"
import { requireNoRelay } from "../relay/require-no-relay.ts"
import { eachId } from "./each-id.ts"

export interface PrepareOptions {
  ids: readonly string[]
  encoder: Encoder
  /** `false`: only what is there already. */
  download: boolean
  force: boolean
  /** Whether the value is the result (`prepare`), or only which dataset it was (`download`). */
  printValue: boolean
}

type Prepared = Result<"datasets/prepare">

/** Resolve, download, verify, extract; the prepared value of each id. */
export function prepare(options: PrepareOptions): Command<Prepared[]> {
  const json = (results: Prepared[]): unknown => {
    const values = results.map((each) =>
      options.printValue ? valueWithId(each) : { id: each.id, repository: each.repository },
    )
    return options.ids.length === 1 ? values[0] : values
  }
  return {
    needsRepositories: true,
    severalHosts: options.printValue ? "object" : "lines",
    run: async (call) => {
      const { batch, width } = togetherIn(call, options.ids)
      return await eachId(options.ids, call, (id) => prepareOne(id, { ...options, batch }, call), width)
    },
    json,
    text: (results) => (options.printValue ? `${JSON.stringify(json(results))}\n` : ""),
  }
}

type Batch = Params<"datasets/prepare">["batch"]

/** Those that go to Slurm are all asked for at once: they become one job array, whose width Slurm holds. */
function togetherIn({ machine }: Call, ids: readonly string[]): { batch?: Batch; width?: number } {
  if (machine.slurm === undefined || ids.length < 2) return {}
  return { batch: { id: newJobId(), size: ids.length }, width: ids.length }
}

async function prepareOne(id: string, options: PrepareOptions & { batch: Batch }, call: Call): Promise<Prepared> {
  const { invocation, session, signal, onProgress } = call
  return await invocation.agreements.during((agreements) =>
    requestPrepare(session, { ...paramsOf(id, options, call), agreements }, { signal, onProgress }),
  )
}

/** An allocation has no connection to this machine. */
function requireReachableRelay({ machine }: Call): void {
  if (machine.relay !== "always" || machine.slurm === undefined || machine.slurm.fetch === "login") return
  throw new DatamaestroError("USAGE", "Cannot relay the downloads of an allocation: it has no connection to here", {
    hint: 'let the login node fetch: "slurm": {"fetch": "login"} of the host in user.json; or leave out --relay',
  })
}

function paramsOf(
  id: string,
  options: Pick<PrepareOptions, "encoder" | "download" | "force"> & { batch: Batch },
  call: Call,
): Params<"datasets/prepare"> {
  requireReachableRelay(call)
  const { invocation, machine } = call
  return {
    id,
    defaultRepository: invocation.settings.default_repository,
    encoder: options.encoder,
    download: options.download,
    force: options.force,
    keepDownloads: invocation.options.keepDownloads,
    connections: invocation.options.connections,
    onDisconnect: machine.onDisconnect,
    slurm: machine.slurm,
    batch: options.batch,
  }
}

interface Started {
  id: string
  job: string
}

/** Begins preparing and leaves: the id of each job, one a line. */
export function detach(options: Omit<PrepareOptions, "printValue">): Command<Started[]> {
  return {
    needsRepositories: true,
    severalHosts: "lines",
    detaches: true,
    run: async (call) => {
      requireNoRelay(call.session)
      const { batch, width } = togetherIn(call, options.ids)
      const startOne = async (id: string): Promise<Started> => {
        // A connection lost between the wish and the answer must not begin the work twice.
        const params = {
          ...paramsOf(id, { ...options, batch }, call),
          onDisconnect: "continue",
          job: newJobId(),
        } as const
        const { job } = await call.invocation.agreements.during((agreements) =>
          call.session.agent.request("jobs/start", { ...params, agreements }, { signal: call.signal }),
        )
        return { id, job }
      }
      return await eachId(options.ids, call, startOne, width)
    },
    json: (started) => (options.ids.length === 1 ? started[0] : started),
    text: (started) => started.map(({ job }) => `${job}\n`).join(""),
  }
}
