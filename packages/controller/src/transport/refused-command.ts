import { DatamaestroError } from "@datamaestro/protocol"
import { sshCommand } from "./ssh-command.ts"

/** The server answers, and lets no command be run. */
export function refusedCommand(label: string, reason: string, cause?: Error): DatamaestroError {
  return new DatamaestroError("CONNECTION_LOST", `Cannot run a command on "${label}": ${reason}`, {
    hint: `check that "${sshCommand(label)} true" works: the account may be limited to file transfers, to one session, or to jumps to other hosts (MaxSessions)`,
    details: { host: label },
    cause,
  })
}
