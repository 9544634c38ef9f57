import type { AgentClient, Result } from "@datamaestro/protocol"
import type { Prompter } from "./transport/prompter.ts"
import type { SshTarget } from "./transport/ssh-target.ts"

export interface SessionOptions {
  /** Where the agent runs; absent: on this machine. */
  ssh?: SshTarget | undefined
  /** `--node`: a path on the data machine, or `auto`. */
  node: string
  /** `--data`. */
  data?: string | undefined
  debug: boolean
  prompter: Prompter
  onEvent: (event: SessionEvent) => void
  signal?: AbortSignal | undefined
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
  /** Makes the controller's repositories known to the agent, uploading what it lacks. Once; later calls do nothing. */
  declareRepositories(): Promise<void>
  /** Ends the agent and the connection. Never throws. */
  close(): Promise<void>
}

/**
 * Connects, deploys what the data machine lacks, and shakes hands: dial, deploy, handshake.
 *
 * @throws DatamaestroError of the connection kind (exit 8), or AGENT_DIED and PROTOCOL_MISMATCH (exit 9)
 */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { openAgentSession } = await import("./deploy/open-agent-session.ts")
  return await openAgentSession(options)
}
