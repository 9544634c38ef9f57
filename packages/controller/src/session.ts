import {
  DatamaestroError,
  interrupted,
  PROTOCOL_VERSION,
  type AgentClient,
  type AheadRequest,
  type Params,
  type RelayMode,
  type Result,
} from "@datamaestro/protocol"
import { homedir } from "node:os"
import { encodeArguments, loader } from "./deploy/agent-command.ts"
import { OLDEST_NODE } from "./deploy/boot-protocol.ts"
import { loadDeployment, type Deployment } from "./deploy/deployment.ts"
import { NotBooted, startAgent, type StartedAgent } from "./deploy/start-agent.ts"
import type { CopySource } from "./copy/copy-source.ts"
import type { GatheredRepositories } from "./repositories/declare-repositories.ts"
import { relayFor, type SessionRelay } from "./relay/session-relay.ts"
import { silentPrompter } from "./reporter/silent-prompter.ts"
import { systemReason } from "./system-reason.ts"
import { spawnLocal } from "./transport/local.ts"
import type { HoldOptions } from "./hold/connect-held.ts"
import type { Prompter } from "./transport/prompter.ts"
import type { SshTarget } from "./transport/ssh-target.ts"
import type { Channel, Transport } from "./transport/transport.ts"
import { controllerVersion } from "./version.ts"

export interface SessionOptions {
  /** Where the agent runs; absent: on this machine. */
  ssh?: SshTarget | undefined
  /** `--node`: a path on the data machine, or `auto`. */
  node: string
  /** `--data`. */
  data?: string | undefined
  /** Where the data is if neither `--data` nor the machine's environment says so. */
  dataSetting?: string | undefined
  /** For how many minutes the connection is to be held after it; absent or 0: it ends with the session. */
  holdMinutes?: number | undefined
  /** What will be asked for first, where that is known: it leaves together with the handshake. */
  ahead?: AheadRequest | undefined
  /** The agent will have to know the repositories: they are gathered while it is being reached, and told with the handshake. */
  needsRepositories?: boolean | undefined
  debug: boolean
  /** When downloads go out through this machine; never by default. */
  relay?: RelayMode | undefined
  /** What the agent may copy from another machine. */
  copySource?: CopySource | undefined
  prompter: Prompter
  onEvent: (event: SessionEvent) => void
  signal?: AbortSignal | undefined
  /** How long the data machine's start-up files and the agent may take to speak, in milliseconds; 55 s by default. */
  bootTimeout?: number | undefined
  /** The agent that is brought; by default this package's own. */
  deployment?: Deployment | undefined
}

/** What the controller itself has to tell while a session opens, a union on `phase`. */
export type SessionEvent =
  | { phase: "connect"; address: string; milliseconds?: number }
  /** Bytes of the agent or of repositories on their way to the data machine. */
  | { phase: "upload"; what: string; bytes: number; total: number }
  | { phase: "notice"; level: "debug" | "info" | "warning"; message: string }

/** An agent that answers, on whichever machine it runs. */
export interface Session {
  /** How messages call the machine: the host as typed, or `this machine`. */
  readonly label: string
  readonly agent: AgentClient
  readonly initialized: Result<"initialize">
  /** Absent where nothing is relayed. */
  readonly relay?: SessionRelay | undefined
  /** Makes the controller's repositories known to the agent, uploading what it lacks. Once it has, later calls do nothing. */
  declareRepositories(): Promise<void>
  /**
   * Connects again where that is possible, unless it has happened since `lost` was the agent: then `agent` is another one.
   *
   * @throws DatamaestroError when it is given up
   */
  restore?(lost: AgentClient, signal: AbortSignal | undefined): Promise<void>
  /** Ends the agent, unless it has work to finish, and the connection. Never throws. */
  close(): Promise<void>
}

const THIS_MACHINE = "this machine"
/** A local agent ends within 2 s of its stdin; what takes longer is not waited for. */
const LOCAL_END = 2500

/**
 * Connects, deploys what the data machine lacks, and shakes hands: dial, deploy, handshake.
 *
 * @throws DatamaestroError of the connection kind (exit 8), or AGENT_DIED and PROTOCOL_MISMATCH (exit 9)
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  if (options.signal?.aborted === true) throw interrupted()
  const deployment = options.deployment ?? loadDeployment()
  return options.ssh === undefined
    ? await openLocalSession(options, deployment)
    : await openRemoteSession(options, options.ssh, deployment)
}

/** What the agent is told first. */
export function initializeParams(
  options: Pick<SessionOptions, "data" | "dataSetting" | "debug">,
  environment: "login" | "inherit",
): Params<"initialize"> {
  return {
    protocol: PROTOCOL_VERSION,
    controller: controllerVersion(),
    environment,
    debug: options.debug,
    ...(options.data === undefined ? {} : { data: options.data }),
    ...(options.dataSetting === undefined ? {} : { dataSetting: options.dataSetting }),
  }
}

async function openLocalSession(options: SessionOptions, deployment: Deployment): Promise<Session> {
  const boot = encodeArguments({ hash: deployment.hash, push: false, login: false, file: deployment.agentPath })
  // Where the command runs, a Node that suits is there: its own.
  const named = options.node === "auto" || options.node === "bundled" ? undefined : options.node
  const program = named === undefined ? process.execPath : named.replace(/^~(?=\/)/, homedir())
  const channel = await spawnLocal(program, ["-e", loader(deployment.bootstrap), boot]).catch((error: unknown) => {
    throw named === undefined ? error : unusableNode(named, error)
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
    if (!(error instanceof NotBooted)) throw error
    throw named === undefined ? unusableHere(error.cause) : unusableNode(named, error.cause)
  })
  return session(options, THIS_MACHINE, { ...started, gathered }, "local", () => endOf(channel))
}

/** While the agent is being reached this process has nothing else to do. */
function gatherFor(
  { needsRepositories, onEvent }: SessionOptions,
  where: "local" | "remote",
): Promise<GatheredRepositories> | undefined {
  if (needsRepositories !== true) return undefined
  const gathered = import("./repositories/declare-repositories.ts").then(({ gatherRepositories }) =>
    gatherRepositories({ where, onEvent }),
  )
  // Whoever declares them hears of a failure.
  gathered.catch(() => {})
  return gathered
}

async function aheadOf(
  { ahead }: SessionOptions,
  gathered: Promise<GatheredRepositories> | undefined,
): Promise<AheadRequest | undefined> {
  if (ahead !== undefined || gathered === undefined) return ahead
  return await gathered.then(
    ({ params }) => ({ method: "repositories/declare", params }) as const,
    () => undefined,
  )
}

/** The same, save that no login shell has a part in it: what was started is the agent. */
function unusableHere(cause: unknown): unknown {
  if (!(cause instanceof DatamaestroError) || cause.code !== "DEPLOY_FAILED") return cause
  const { message, details } = cause
  return new DatamaestroError("AGENT_DIED", message, {
    hint: "install datamaestro again (in a clone: `npm ci`), or, where NODE_OPTIONS is set, try without",
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

async function openRemoteSession(options: SessionOptions, ssh: SshTarget, deployment: Deployment): Promise<Session> {
  const minutes = options.holdMinutes ?? 0
  const hold = minutes > 0 ? { minutes, with: [options.node, deployment.hash] } : undefined
  try {
    return await openOver(options, ssh, deployment, hold)
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error
    const message = `The connection held to "${ssh.destination}" is no good any more: making a new one`
    options.onEvent({ phase: "notice", level: "debug", message })
  }
  return await openOver(options, ssh, deployment, hold).catch(async (error: unknown) => {
    if (!(error instanceof StaleConnection)) throw error
    return await openOver(options, ssh, deployment, undefined)
  })
}

/** What failed was a connection that had been there before: a new one may do. */
class StaleConnection extends Error {}

async function openOver(
  options: SessionOptions,
  ssh: SshTarget,
  deployment: Deployment,
  hold: HoldOptions | undefined,
): Promise<Session> {
  const { onEvent, prompter, signal } = options
  const [{ connectSsh }, { openRemoteAgent }] = await Promise.all([
    import("./transport/connect-ssh.ts"),
    import("./deploy/open-remote-agent.ts"),
  ])
  const began = performance.now()
  const gathered = gatherFor(options, "remote")
  const transport: Transport = await connectSsh(ssh, {
    prompter,
    signal,
    hold,
    onNotice: (notice) => onEvent({ phase: "notice", ...notice }),
  })
  try {
    // A listener of the library may throw: what is connected must still be closed.
    onEvent({ phase: "connect", address: transport.address, milliseconds: Math.round(performance.now() - began) })
    const started = await openRemoteAgent(transport, {
      deployment,
      node: options.node,
      initialize: initializeParams(options, "login"),
      ahead: aheadOf(options, gathered),
      onEvent,
      signal,
      bootTimeout: options.bootTimeout,
    })
    return session(options, transport.label, { ...started, gathered }, "remote", () => transport.close())
  } catch (error) {
    const lost = error instanceof DatamaestroError && error.code === "CONNECTION_LOST"
    if (lost && transport.held?.reused === true && signal?.aborted !== true) {
      await transport.held.discard()
      throw new StaleConnection(undefined, { cause: error })
    }
    await transport.close()
    throw error
  }
}

function session(
  options: SessionOptions,
  label: string,
  { client, initialized, gathered }: StartedAgent & { gathered: Promise<GatheredRepositories> | undefined },
  where: "local" | "remote",
  end: () => Promise<void>,
): Session {
  let declared: Promise<void> | undefined
  let closed: Promise<void> | undefined
  const { relay: mode, copySource, onEvent } = options
  // Datasets are the same wherever their definitions are asked for: by this machine's own agent.
  const openLocal = (): Promise<Session> =>
    openSession({ node: "auto", debug: false, prompter: silentPrompter, onEvent: () => {} })
  const wanted = mode !== undefined || copySource !== undefined
  const relay = wanted ? relayFor(client, { mode, copySource, openLocal, onEvent }) : undefined
  return {
    label,
    agent: client,
    initialized,
    relay,
    declareRepositories: () => {
      if (declared !== undefined) return declared
      const declaring = import("./repositories/declare-repositories.ts").then(({ declareRepositories }) =>
        declareRepositories(client, { where, onEvent, signal: options.signal, gathered }),
      )
      // A disk that was full may have room by the next call.
      declaring.catch(() => (declared = undefined))
      return (declared = declaring)
    },
    close: () => {
      relay?.close()
      client.close()
      return (closed ??= end().catch(() => {}))
    },
  }
}

async function endOf(channel: Channel): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LOCAL_END)
  })
  await Promise.race([channel.ended, late])
  clearTimeout(timer)
}
