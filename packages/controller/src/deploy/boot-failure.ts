import { DatamaestroError } from "@datamaestro/protocol"
import { printable } from "../transport/printable.ts"
import { sshCommand } from "../transport/ssh-command.ts"
import { limitHint } from "./limit-hint.ts"

export interface BootFailure {
  label: string
  /** What was printed instead of what we wait for. */
  noise: string
  stderr: string
  /** The bootstrap spoke, the agent did not. */
  booted: boolean
  reason: string
  code?: number | null
}

const SHOWN = 2000

/** Why a started command did not become our agent, with what it printed instead. */
export function bootFailure({ label, noise, stderr, booted, reason, code }: BootFailure): DatamaestroError {
  const printed = [noise, stderr]
    .map(printable)
    .filter((text) => text !== "")
    .join("\n")
    .slice(-SHOWN)
  const details = { host: label, printed, ...(code === undefined ? {} : { code }) }
  // What OpenSSH's internal-sftp, nologin of the distributions, rssh and scponly, and ssh itself say.
  const refusal = [
    {
      said: /sftp connections only|restricted by (rssh|scponly)/i,
      why: "the account allows file transfer (SFTP) only",
    },
    {
      said: /account is (currently )?not available|not available for (shell|interactive)/i,
      why: "the account may not log in to a shell",
    },
    {
      // Of rbash and its like, where they are to become another program.
      said: /\bexec: restricted/i,
      why: "its login shell is a restricted one",
    },
    {
      said: /session open refused by peer/i,
      why: "its server allows no session, as jump hosts do (MaxSessions)",
    },
    {
      // Of PAM, where the session has no terminal on which it could ask for another one.
      said: /password (change required|has expired)|required to change your password/i,
      why: "the password of the account has expired",
      hint: `log in with "${sshCommand(label)}", which asks for a new one, then run the same command again`,
    },
  ].find(({ said }) => said.test(printed))
  if (refusal !== undefined) {
    return new DatamaestroError("DEPLOY_FAILED", `Cannot run anything on "${label}": ${refusal.why}`, {
      hint:
        refusal.hint ??
        "ask the administrators of this machine for an account that may run commands, or choose another host",
      details,
    })
  }
  const shown = printed === "" ? "it printed nothing" : `it printed this instead:\n${printed}`
  const message = `Cannot start the agent on "${label}": ${reason}; ${shown}`
  if (booted) {
    return new DatamaestroError("AGENT_DIED", message, {
      hint: "run the same command again with --debug, and report what it prints",
      details,
    })
  }
  // Nothing of ours has run there: no agent that died, or that speaks another protocol.
  return new DatamaestroError("DEPLOY_FAILED", message, {
    hint: limitHint(printed) ?? wayHint(label, code),
    details,
  })
}

/** @param code that the program ended with; undefined while it runs */
function wayHint(label: string, code: number | null | undefined): string {
  const see = `see what \`${sshCommand(label)} echo hello\` prints: a forced command, or a start-up file of the login shell that ends or asks something, stands in the way`
  if (code !== undefined) return see
  return `${see}; or Node hangs, as it does where it gets too few threads (\`ulimit -u\`)`
}
