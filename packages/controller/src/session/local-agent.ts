import { DatamaestroError } from "@datamaestro/protocol"
import { homedir } from "node:os"
import { encodeArguments, loader } from "../deploy/agent-command.ts"
import { OLDEST_NODE } from "../deploy/boot-protocol.ts"
import type { Deployment } from "../deploy/deployment.ts"
import { limitHint } from "../limit-hint.ts"
import { NotBooted, startAgent } from "../deploy/start-agent.ts"
import { aheadOf, gatherFor, initializeParams } from "./handshake.ts"
import type { ReachedAgent, SessionOptions } from "./session.ts"
import { systemReason } from "../system-reason.ts"
import { spawnLocal } from "../transport/local.ts"
import type { Channel } from "../transport/transport.ts"

const THIS_MACHINE = "this machine"
/** A local agent ends within 2 s of its stdin; what takes longer is not waited for, in milliseconds. */
const LOCAL_END = 2500

/**
 * Starts the agent on this machine.
 *
 * @throws DatamaestroError NO_NODE for one that was named, AGENT_DIED
 */
export async function startLocalAgent(options: SessionOptions, deployment: Deployment): Promise<ReachedAgent> {
  const boot = encodeArguments({ hash: deployment.hash, push: false, login: false, file: deployment.agentPath })
  // Where the command runs, a Node that suits is there: its own.
  const named = options.node === "auto" || options.node === "bundled" ? undefined : options.node
  const program = named === undefined ? process.execPath : named.replace(/^~(?=\/)/, homedir())
  const channel = await spawnLocal(program, ["-e", loader(deployment.bootstrap), boot]).catch((error: unknown) => {
    throw named === undefined ? unstartable(error) : unusableNode(named, error)
  })
  const gathered = gatherFor(options, "local")
  const started = await startAgent(channel, {
    ...options,
    label: THIS_MACHINE,
    push: false,
    compressed: () => deployment.compressed(),
    initialize: initializeParams(options, "inherit"),
    ahead: aheadOf(options, gathered),
  }).catch((error: unknown) => {
    // What has not answered is no agent, and may hang for ever, as Node does that gets too few threads.
    channel.kill()
    if (!(error instanceof NotBooted)) throw error
    throw named === undefined ? unusableHere(error.cause) : unusableNode(named, error.cause)
  })
  return { ...started, label: THIS_MACHINE, where: "local", gathered, end: () => endOf(channel) }
}

/** This Node runs already: what keeps another one from starting is a limit. */
function unstartable(error: unknown): unknown {
  if (!(error instanceof DatamaestroError)) return error
  const { code, message, details, cause } = error
  return new DatamaestroError(code, message, { hint: limitHint(message), details, cause })
}

/** The same, save that no login shell has a part in it: what was started is the agent. */
function unusableHere(cause: unknown): unknown {
  if (!(cause instanceof DatamaestroError) || cause.code !== "DEPLOY_FAILED") return cause
  const { message, details } = cause
  const again = "install datamaestro again (in a clone: `npm ci`), or, where NODE_OPTIONS is set, try without"
  return new DatamaestroError("AGENT_DIED", message, {
    hint:
      "code" in details
        ? again
        : `see what \`ulimit -u\` prints: Node hangs where it gets too few threads; else ${again}`,
    details,
    cause,
  })
}

function unusableNode(node: string, cause: unknown): DatamaestroError {
  return new DatamaestroError("NO_NODE", `Cannot use "${node}" as Node${unusableReason(cause)}`, {
    hint: `name a Node ${OLDEST_NODE.join(".")} or newer with --node PATH, or leave --node out`,
    details: { path: node },
    cause,
  })
}

/** In the system's words where it is the system that can't start it. */
function unusableReason(cause: unknown): string {
  if (!(cause instanceof Error)) return ""
  const { code, syscall } = (cause.cause ?? {}) as NodeJS.ErrnoException
  if (code === "ENOENT") return ": there is no such program"
  return `: ${syscall === undefined ? cause.message : systemReason(cause.cause).reason}`
}

async function endOf(channel: Channel): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LOCAL_END)
  })
  await Promise.race([channel.ended, late])
  clearTimeout(timer)
}
