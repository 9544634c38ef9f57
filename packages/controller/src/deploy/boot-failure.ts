import { DatamaestroError } from "@datamaestro/protocol"
import { printable } from "../transport/printable.ts"
import { sshCommand } from "../transport/ssh-command.ts"
import { limitHint } from "../limit-hint.ts"
import { OWN_LINE } from "./boot-protocol.ts"
import { withoutChosenNode, type ChosenNode } from "./chosen-node.ts"

export interface BootFailure {
  label: string
  /** What was printed instead of what we wait for. */
  noise: string
  stderr: string
  /** The bootstrap spoke, the agent did not. */
  booted: boolean
  reason: string
  /** The Node that was to run it, where the probe has told of one. */
  chosen?: ChosenNode | undefined
  code?: number | null
}

const SHOWN = 2000

interface Refusal {
  said: RegExp
  why: string
  hint?: (label: string) => string
}

/** What OpenSSH's internal-sftp, nologin of the distributions, rssh and scponly, restricted shells, PAM, and ssh itself say. */
const REFUSALS: readonly Refusal[] = [
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
    hint: (label) => `log in with "${sshCommand(label)}", which asks for a new one, then run the same command again`,
  },
]

/** Why a started command did not become our agent, with what it printed instead. */
export function bootFailure({ label, noise, stderr, booted, reason, chosen, code }: BootFailure): DatamaestroError {
  const printed = [withoutChosenNode(noise), stderr]
    .map(printable)
    .filter((text) => text !== "")
    .join("\n")
    .slice(-SHOWN)
  const details = {
    host: label,
    printed,
    ...(code === undefined ? {} : { code }),
    ...(chosen === undefined ? {} : { node: chosen.path, pid: chosen.pid }),
  }
  const refusal = REFUSALS.find(({ said }) => said.test(printed))
  if (refusal !== undefined) {
    return new DatamaestroError("DEPLOY_FAILED", `Cannot run anything on "${label}": ${refusal.why}`, {
      hint:
        refusal.hint?.(label) ??
        "ask the administrators of this machine for an account that may run commands, or choose another host",
      details,
    })
  }
  if (!booted && OWN_LINE.test(stderr)) {
    return new DatamaestroError(
      "DEPLOY_FAILED",
      `Cannot start the agent on "${label}": what programs print there comes as errors, since their standard output is led to their standard error`,
      {
        hint: 'look for "exec 1>&2", or the like, in the start-up files of the login shell there (such as ~/.bashrc), or in a forced command, and take it out where there is no terminal',
        details,
      },
    )
  }
  const shown = printed === "" ? "it printed nothing" : `it printed this instead:\n${printed}`
  const by = chosen === undefined ? "" : ` with the Node at "${chosen.path}"`
  const message = `Cannot start the agent on "${label}"${by}: ${reason}; ${shown}`
  if (booted) {
    return new DatamaestroError("AGENT_DIED", message, {
      hint: "run the same command again with --debug, and report what it prints",
      details,
    })
  }
  // Nothing of ours has run there: no agent that died, or that speaks another protocol.
  return new DatamaestroError("DEPLOY_FAILED", message, {
    hint: limitHint(printed) ?? (chosen === undefined ? wayHint(label, code) : nodeHint(label, chosen.path)),
    details,
  })
}

function nodeHint(label: string, path: string): string {
  return `see what \`${sshCommand(label)} ${path} -p 1\` prints, which is to be 1; or name another Node with --node PATH (--node bundled brings one along)`
}

/** @param code that the program ended with; undefined while it runs */
function wayHint(label: string, code: number | null | undefined): string {
  const see = `see what \`${sshCommand(label)} echo hello\` prints: a forced command, or a start-up file of the login shell that ends or asks something, stands in the way`
  // Each command of ours begins with exec.
  if (code === 0) return `${see}; or one that makes a function or an alias of "exec" (\`type exec\`)`
  if (code !== undefined) return see
  return `${see}; or Node hangs, as it does where it gets too few threads (\`ulimit -u\`)`
}
