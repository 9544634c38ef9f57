import type { HoldOptions } from "../hold/connect-held.ts"
import type { Prompter } from "./prompter.ts"

/** What connecting needs besides the target, whichever client does it. */
export interface SshConnectOptions {
  prompter: Prompter
  onNotice: (notice: { level: "debug" | "info" | "warning"; message: string }) => void
  signal?: AbortSignal | undefined
  /** Use the connection that is held for the target, and hold the one that is made; absent: neither. */
  hold?: HoldOptions | undefined
  /** Told when each part of connecting is done, with what was found. */
  onStage?: ((stage: SshStage, found: string) => void) | undefined
}

/** The parts of connecting, in their order. */
export const SSH_STAGES = ["resolve", "connect", "jump", "host key", "authenticate"] as const
export type SshStage = (typeof SSH_STAGES)[number]
