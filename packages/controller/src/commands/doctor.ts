import { DatamaestroError, formatBytes, interrupted, type ErrorCode } from "@datamaestro/protocol"
import { loadDeployment } from "../deploy/deployment.ts"
import type { Machine } from "../machine.ts"
import { sanitizeLine } from "../reporter/sanitize.ts"
import { initializeParams } from "../session/handshake.ts"
import { SSH_STAGES, type SshStage } from "../transport/ssh-connect-options.ts"
import type { CommandEvent } from "../reporter/reporter.ts"
import type { SshTarget } from "../transport/ssh-target.ts"
import type { Transport } from "../transport/transport.ts"
import type { DirectCommand } from "./command.ts"
import { Examination, type ExaminedStep } from "./examination.ts"
import { examineMachine } from "./examine-machine.ts"
import type { Invocation } from "./invocation.ts"
import { CANCEL_GRACE, unlessAbandoned } from "./unless-abandoned.ts"

const ON_MACHINE = ["Node", "agent", "data directory", "internet", "proxy", "clock"] as const
const REMOTE = [...SSH_STAGES, "shell", ...ON_MACHINE]

const SHELL_TIMEOUT = 20_000

/** Goes through all that a command needs on each machine, step by step, and tells what works and what to do next. */
export function doctor({ url }: { url: string }): DirectCommand {
  return {
    async execute(invocation) {
      const examined = await Promise.all(
        invocation.machines.map(async (machine) => ({ machine, examination: await examine(machine, invocation, url) })),
      )
      const several = examined.length > 1
      const json = examined.map(({ machine, examination: { steps, failure } }) => ({
        host: machine.host,
        report: { ok: failure === undefined, steps },
      }))
      await invocation.write(
        invocation.options.json
          ? `${JSON.stringify(several ? Object.fromEntries(json.map(({ host, report }) => [host, report])) : json[0]?.report)}\n`
          : examined
              .flatMap(({ machine, examination }) =>
                examination.steps.flatMap(linesOf).map((line) => `${several ? `${machine.host}\t` : ""}${line}\n`),
              )
              .join(""),
      )
      return examined.find(({ examination }) => examination.failure !== undefined)?.examination.failure
    },
  }
}

function linesOf({ step, state, found, milliseconds, next }: ExaminedStep): string[] {
  const time = milliseconds === undefined ? "" : ` (${milliseconds} ms)`
  const line = `${state.padEnd(8)} ${step.padEnd(15)} ${sanitizeLine(found)}${time}`
  return next === undefined ? [line] : [line, `${" ".repeat(9)}${"next:".padEnd(15)} ${sanitizeLine(next)}`]
}

async function examine(machine: Machine, invocation: Invocation, url: string): Promise<Examination> {
  const examination = new Examination(machine.ssh === undefined ? ON_MACHINE : REMOTE)
  try {
    const { ssh } = machine
    const steps =
      ssh === undefined
        ? examineHere(machine, invocation, examination, url)
        : examineThere(machine, ssh, invocation, examination, url)
    await unlessAbandoned(steps, invocation.signal, CANCEL_GRACE)
  } catch (error) {
    examination.failed(invocation.signal.aborted ? interrupted() : error)
  }
  examination.end()
  return examination
}

async function examineHere(
  machine: Machine,
  invocation: Invocation,
  examination: Examination,
  url: string,
): Promise<void> {
  examination.passed("Node", `${process.version} at ${process.execPath}`)
  const { prompter, reporter, signal } = invocation
  const session = await invocation.openSession({
    ...machine,
    prompter,
    onEvent: (event) => reporter.event(event),
    signal,
  })
  try {
    const { agent, pid } = session.initialized
    examination.passed("agent", `${agent}, process ${pid}`)
    await examineMachine(session.agent, session.initialized, examination, { url, remote: false, signal })
  } finally {
    await session.close()
  }
}

async function examineThere(
  machine: Machine,
  ssh: SshTarget,
  invocation: Invocation,
  examination: Examination,
  url: string,
): Promise<void> {
  const { reporter, signal } = invocation
  const prefix = invocation.machines.length > 1 ? machine.host : undefined
  const onEvent = (event: CommandEvent): void => reporter.event(event, prefix)
  const transport = await connect(ssh, invocation, examination, onEvent)
  if (transport === undefined) return
  try {
    await examineShell(transport, examination, signal)
    const { openRemoteAgent } = await import("../deploy/open-remote-agent.ts")
    const { client, initialized } = await openRemoteAgent(transport, {
      deployment: loadDeployment(),
      node: machine.node,
      initialize: initializeParams(machine, "login"),
      onEvent,
      onHello: ({ node, execPath }) => {
        // A Node that was remembered and is gone is followed by another.
        if (!examination.reached("Node")) examination.passed("Node", `${node} at ${execPath}`)
      },
      signal,
    })
    try {
      const { agent, hostname, pid, warnings } = initialized
      examination.passed("agent", `${agent} on ${hostname}, process ${pid}`, warnings[0])
      await examineMachine(client, initialized, examination, { url, remote: true, signal })
    } finally {
      client.close()
    }
  } finally {
    await transport.close()
  }
}

/** Nothing where that failed, which the examination was told. */
async function connect(
  ssh: SshTarget,
  { loginPrompter, signal }: Invocation,
  examination: Examination,
  onEvent: (event: CommandEvent) => void,
): Promise<Transport | undefined> {
  const { connectSsh } = await import("../transport/connect-ssh.ts")
  return await connectSsh(ssh, {
    prompter: examination.withoutAnswers(loginPrompter),
    signal,
    onNotice: (notice) => onEvent({ phase: "notice", ...notice }),
    // Another client may begin again where the first gave up.
    onStage: (stage, found) => {
      if (!examination.reached(stage)) examination.passed(stage, found)
    },
  }).catch((error: unknown) => {
    examination.failed(error, stageOf(error, ssh, examination))
    return undefined
  })
}

async function examineShell(transport: Transport, examination: Examination, signal: AbortSignal): Promise<void> {
  const { askShell } = await import("../deploy/ask-shell.ts")
  const { found, noise } = await askShell(transport, SHELL_TIMEOUT, signal)
  const quiet = "let start-up files print in interactive shells only: every call waits for what they print"
  examination.passed(
    "shell",
    noise === 0 ? found : `${found}; prints ${formatBytes(noise)} of its own`,
    noise < 4096 ? undefined : quiet,
  )
}

const STAGE_OF_FAILURE: Partial<Record<ErrorCode, SshStage>> = {
  SSH_CONFIGURATION: "resolve",
  USAGE: "resolve",
  UNREACHABLE: "connect",
  HOST_KEY_UNKNOWN: "host key",
  HOST_KEY_CHANGED: "host key",
  AUTHENTICATION_FAILED: "authenticate",
}

/** Which part of connecting failed. */
function stageOf(error: unknown, { destination }: SshTarget, examination: Examination): SshStage {
  const next = SSH_STAGES.find((stage) => stage !== "jump" && !examination.reached(stage)) ?? "authenticate"
  if (!(error instanceof DatamaestroError)) return next
  const elsewhere = error.details["host"] !== undefined && error.details["host"] !== destination
  if (examination.reached("connect") && elsewhere) return "jump"
  const stage = STAGE_OF_FAILURE[error.code] ?? next
  return examination.reached(stage) ? (error.details["jump"] === undefined ? next : "jump") : stage
}
