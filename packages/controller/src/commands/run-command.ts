import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import type { Machine } from "../machine.ts"
import { openReconnecting } from "../jobs/reconnecting-session.ts"
import type { Session, SessionOptions } from "../session/session.ts"
import type { Call, Command, Failure } from "./command.ts"
import type { Invocation } from "./invocation.ts"
import { sessionOptions } from "./session-options.ts"
import { toldError } from "./told-error.ts"
import { CANCEL_GRACE, CLOSE_GRACE, unlessAbandoned } from "./unless-abandoned.ts"
import { adviceFor, withHost } from "./with-host.ts"

interface Outcome<R> {
  machine: Machine
  result: R | undefined
  failures: Failure[]
}

/**
 * Runs a command on every machine at once and prints what succeeded.
 *
 * @returns the first failure in argument order, hosts before ids; nothing when all succeeded
 */
export async function runCommand<R>(
  command: Command<R>,
  invocation: Invocation,
): Promise<DatamaestroError | undefined> {
  const refused = command.refuse?.(invocation)
  if (refused !== undefined) throw invocation.machines.length > 1 ? refused : withHost(refused, invocation.machines[0])
  const outcomes = await Promise.all(invocation.machines.map((machine) => onMachine(command, machine, invocation)))
  const failures = outcomes.flatMap((each) => each.failures.toSorted((a, b) => a.position - b.position))
  const stopped = failures.find(({ error }) => error.code === "INTERRUPTED")
  // Whoever interrupts before anything was done gets no empty result: it could be taken for one.
  if (stopped !== undefined && outcomes.every(({ result }) => result === undefined)) return stopped.error
  const text = invocation.options.json ? jsonText(command, outcomes) : plainText(command, outcomes)
  if (text !== "") await invocation.write(text)
  return (stopped ?? failures[0])?.error
}

async function onMachine<R>(command: Command<R>, machine: Machine, invocation: Invocation): Promise<Outcome<R>> {
  const { reporter, signal } = invocation
  const prefix = invocation.machines.length > 1 ? machine.host : undefined
  const outcome: Outcome<R> = { machine, result: undefined, failures: [] }
  const fail: Call["fail"] = (thrown, position, where = "there") => {
    // What breaks while everything is being cancelled is a consequence of that.
    const error = signal.aborted ? interrupted() : withHost(toldError(thrown), machine)
    outcome.failures.push({ error, position })
    if (error.code !== "INTERRUPTED") reporter.error(error, where === "here" ? undefined : machine.host)
  }
  tellIgnoredSettings(machine, (event) => reporter.event(event, prefix))
  let session: Session | undefined
  const work = async (): Promise<void> => {
    const options = sessionOptions(machine, invocation, command, (event) => reporter.event(event, prefix))
    session = await openReconnecting(invocation.openSession, options, { minutes: machine.reconnectMinutes })
    if (command.needsRepositories) await session.declareRepositories()
    const call: Call = {
      session,
      machine,
      invocation,
      signal,
      onProgress: (event) =>
        reporter.event(
          event.phase === "notice" ? { ...event, message: adviceFor(event.message, machine) } : event,
          prefix,
        ),
      fail,
    }
    outcome.result = await command.run(call)
  }
  try {
    await unlessAbandoned(work(), signal, CANCEL_GRACE)
  } catch (error) {
    fail(error, -1)
  } finally {
    const closing = session?.close()
    // An agent of this machine ends with its work; of a connection there may be files to remove.
    const staying = command.detaches === true && machine.host === undefined
    if (closing !== undefined && !staying) await unlessAbandoned(closing, signal, CLOSE_GRACE).catch(() => {})
  }
  return outcome
}

function tellIgnoredSettings({ ignored, host }: Machine, onEvent: SessionOptions["onEvent"]): void {
  const whose = host === undefined ? "" : ` of the host "${host}"`
  for (const key of ignored) {
    const message = `"${key}"${whose} in the user settings is not known to this version`
    onEvent({ phase: "notice", level: "warning", message })
  }
}

function jsonText<R>(command: Command<R>, outcomes: readonly Outcome<R>[]): string {
  const json = (result: R): unknown => (command.json === undefined ? result : command.json(result))
  const [only] = outcomes
  if (outcomes.length === 1 && only !== undefined) {
    return only.result === undefined ? "" : `${JSON.stringify(json(only.result))}\n`
  }
  const byHost = outcomes.flatMap(({ machine, result }) =>
    result === undefined || machine.host === undefined ? [] : [[machine.host, json(result)] as const],
  )
  return `${JSON.stringify(Object.fromEntries(byHost))}\n`
}

function plainText<R>(command: Command<R>, outcomes: readonly Outcome<R>[]): string {
  const [only] = outcomes
  if (outcomes.length === 1 && only !== undefined) return only.result === undefined ? "" : command.text(only.result)
  if (command.severalHosts === "object") return jsonText(command, outcomes)
  return outcomes
    .flatMap(({ machine, result }) =>
      result === undefined
        ? []
        : command
            .text(result)
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => `${machine.host}\t${line}\n`),
    )
    .join("")
}
