import type { Prompter } from "./prompter.ts"

/** What connecting needs besides the target, whichever client does it. */
export interface SshConnectOptions {
  prompter: Prompter
  onNotice: (notice: { level: "debug" | "info" | "warning"; message: string }) => void
  signal?: AbortSignal | undefined
}
