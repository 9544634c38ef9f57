import { interrupted, type AgentClient, type AheadRequest, type RelayMode, type Result } from "@datamaestro/protocol"
import type { CopySource } from "../copy/copy-source.ts"
import { loadDeployment, type Deployment } from "../deploy/deployment.ts"
import type { StartedAgent } from "../deploy/start-agent.ts"
import { startLocalAgent } from "./local-agent.ts"
import { relayFor, type SessionRelay } from "../relay/session-relay.ts"
import { reachRemoteAgent } from "./remote-agent.ts"
import { silentPrompter } from "../reporter/silent-prompter.ts"
import type { GatheredRepositories } from "../repositories/declare-repositories.ts"
import type { Prompter } from "../transport/prompter.ts"
import type { SshTarget } from "../transport/ssh-target.ts"

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

/** An agent that has answered, before anything else is asked of it. */
export interface ReachedAgent extends StartedAgent {
  label: string
  where: "local" | "remote"
  /** The repositories, where they were gathered meanwhile. */
  gathered: Promise<GatheredRepositories> | undefined
  /** Ends it, or the connection to it. */
  end(): Promise<void>
}

/**
 * Connects, deploys what the data machine lacks, and shakes hands: dial, deploy, handshake.
 *
 * @throws DatamaestroError of the connection kind (exit 8), or AGENT_DIED and PROTOCOL_MISMATCH (exit 9)
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  if (options.signal?.aborted === true) throw interrupted()
  const deployment = options.deployment ?? loadDeployment()
  const reached =
    options.ssh === undefined
      ? await startLocalAgent(options, deployment)
      : await reachRemoteAgent(options, options.ssh, deployment)
  return sessionOf(reached, options)
}

function sessionOf(reached: ReachedAgent, options: SessionOptions): Session {
  const { label, client, initialized, where, gathered, end } = reached
  let declared: Promise<void> | undefined
  let closed: Promise<void> | undefined
  const { relay: mode, copySource, onEvent } = options
  // Datasets are the same wherever their definitions are asked for: by this machine's own agent.
  const openLocal = (): Promise<Session> => openSession({ node: "auto", prompter: silentPrompter, onEvent: () => {} })
  const wanted = mode !== undefined || copySource !== undefined
  const relay = wanted ? relayFor(client, { mode, copySource, openLocal, onEvent }) : undefined
  return {
    label,
    agent: client,
    initialized,
    relay,
    declareRepositories: () => {
      if (declared !== undefined) return declared
      const declaring = import("../repositories/declare-repositories.ts").then(({ declareRepositories }) =>
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
