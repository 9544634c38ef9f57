import { DatamaestroError } from "@datamaestro/protocol"
import { printable } from "../transport/printable.ts"
import type { ChannelEnd } from "../transport/transport.ts"
import { bootFailure, type BootFailure } from "./boot-failure.ts"
import { NO_NODE_MAGIC } from "./boot-protocol.ts"
import { limitHint } from "../limit-hint.ts"
import { noNodeError } from "./no-node-error.ts"

export interface SpokenSoFar extends Pick<BootFailure, "label" | "noise" | "stderr" | "booted" | "chosen"> {
  /** `--node`. */
  node: string
}

/** Why the program ended that was, or was to become, the agent. */
export function agentEnded(end: ChannelEnd, spoken: SpokenSoFar): DatamaestroError {
  const { label, node, noise, booted } = spoken
  if (end.error instanceof DatamaestroError) return end.error
  if (end.error !== undefined) return connectionBroke(label, end.error.message, end.error)
  if (!booted) {
    if (noise.includes(NO_NODE_MAGIC)) return noNodeError(noise, { label, node, stderr: spoken.stderr })
    return bootFailure({ ...spoken, reason: `the program ended ${describeEnd(end)}`, code: end.code })
  }
  // Each program of an SSH server ends with a status or a signal (RFC 4254, 6.10): this one's server is gone.
  if (end.code === null && end.signal === null) return connectionBroke(label, "the other side ended it")
  const stderr = printable(spoken.stderr)
  return new DatamaestroError(
    "AGENT_DIED",
    `The agent on "${label}" died ${describeEnd(end)}${stderr === "" ? "" : `:\n${stderr}`}`,
    {
      hint:
        limitHint(stderr, end) ??
        "run the same command again: it continues where it stopped; if the agent dies again, report it with the output of --debug",
      details: { host: label, code: end.code, signal: end.signal, stderr },
    },
  )
}

function connectionBroke(label: string, why: string, cause?: Error): DatamaestroError {
  return new DatamaestroError("CONNECTION_LOST", `The connection to "${label}" broke: ${why}`, {
    hint: "check the network, then run the same command again: it continues where it stopped",
    details: { host: label },
    cause,
  })
}

function describeEnd({ code, signal }: ChannelEnd): string {
  // OpenSSH's server names those alone that POSIX has: the others are "SIG@openssh.com".
  if (signal?.includes("@") === true) return "by a signal that its SSH server does not name"
  if (signal !== null) return `by ${signal.startsWith("SIG") ? signal : `SIG${signal}`}`
  return code === null ? "without saying why" : `with exit code ${code}`
}
