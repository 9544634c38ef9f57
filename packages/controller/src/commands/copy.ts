import { DatamaestroError, interrupted, type Result } from "@datamaestro/protocol"
import { CopySource } from "../copy/copy-source.ts"
import { valueWithId } from "../value-with-id.ts"
import { openReconnecting } from "../jobs/reconnecting-session.ts"
import { requestPrepare } from "../jobs/request-prepare.ts"
import { localMachine, remoteMachine, type Machine } from "../machine.ts"
import type { Session, SessionOptions } from "../session/session.ts"
import type { DirectCommand } from "./command.ts"
import type { Invocation } from "./invocation.ts"
import { sessionOptions } from "./session-options.ts"
import { toldError } from "./told-error.ts"
import { CANCEL_GRACE, CLOSE_GRACE, unlessAbandoned } from "./unless-abandoned.ts"
import { withHost } from "./with-host.ts"

export interface CopyOptions {
  id: string
  /** Hosts as typed; absent or `local`: this machine. */
  from: string | undefined
  to: string | undefined
  /** The data directory to copy from; `--data` names the other one. */
  fromData: string | undefined
}

type Prepared = Result<"datasets/prepare">

const THIS_MACHINE = "local"

/**
 * Copies a prepared dataset, with those it refers to, from one machine to another, and prints its value there. It is a
 * preparation on the other machine, in which files come from the first one: what is there already is not sent again.
 */
export function copy(options: CopyOptions): DirectCommand {
  return {
    async execute(invocation) {
      const { reporter, signal } = invocation
      const opened: Session[] = []
      let at: Machine | undefined
      const work = async (): Promise<Prepared> => {
        if (invocation.options.host.length > 0) throw notHost()
        const [from, to] = machinesOf(options, invocation)
        at = from
        const source = await open(from, invocation, {})
        opened.push(source)
        await source.declareRepositories()
        const selector = { id: options.id, defaultRepository: invocation.settings.default_repository }
        const { id, datasets } = await source.agent.request("copies/describe", selector, { signal })
        at = to
        const target = await open(to, invocation, { copySource: new CopySource(source, datasets, signal) })
        opened.push(target)
        await target.declareRepositories()
        return await invocation.agreements.during((agreements) =>
          requestPrepare(
            target,
            { id, encoder: "normal", download: false, copy: true, agreements, onDisconnect: to.onDisconnect },
            { signal, onProgress: (event) => reporter.event(event, to.host) },
          ),
        )
      }
      try {
        const prepared = await unlessAbandoned(work(), signal, CANCEL_GRACE)
        await invocation.write(`${JSON.stringify(valueWithId(prepared))}\n`)
        return undefined
      } catch (thrown) {
        const error = signal.aborted ? interrupted() : withHost(toldError(thrown), at)
        if (error.code !== "INTERRUPTED") reporter.error(error, at?.host)
        return error
      } finally {
        const closing = Promise.all(opened.map((session) => session.close()))
        await unlessAbandoned(closing, signal, CLOSE_GRACE).catch(() => {})
      }
    },
  }
}

function machinesOf({ from, to, fromData }: CopyOptions, { options, settings }: Invocation): [Machine, Machine] {
  const machine = (host: string | undefined, data: string | undefined): Machine =>
    host === undefined || host === THIS_MACHINE
      ? localMachine({ ...options, data })
      : remoteMachine(host, { ...options, data }, settings)
  const [source, target] = [machine(from, fromData), machine(to, options.data)]
  if (source.host !== target.host || (source.data !== target.data && source.data !== undefined)) return [source, target]
  throw new DatamaestroError("USAGE", "Cannot copy a dataset to where it is", {
    hint: "name two machines with --from HOST and --to HOST, or two data directories with --from-data and --data",
  })
}

async function open(
  machine: Machine,
  invocation: Invocation,
  further: Pick<SessionOptions, "copySource">,
): Promise<Session> {
  const common = sessionOptions(machine, invocation, { needsRepositories: true }, (event) =>
    invocation.reporter.event(event, machine.host),
  )
  // Nothing is downloaded that could be relayed.
  const options = { ...common, relay: undefined, ...further }
  return await openReconnecting(invocation.openSession, options, { minutes: machine.reconnectMinutes })
}

function notHost(): DatamaestroError {
  return new DatamaestroError("USAGE", "Cannot use --host with copy: it goes from one machine to another", {
    hint: "name them with --from HOST and --to HOST; leave one out for this machine",
  })
}
