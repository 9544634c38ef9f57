import { holdMinutes } from "../hold/hold-time.ts"
import type { Machine } from "../machine.ts"
import type { SessionOptions } from "../session/session.ts"
import type { Command } from "./command.ts"
import type { Invocation } from "./invocation.ts"

/** How a machine is reached for a command, as command line, environment and settings say. */
export function sessionOptions<R>(
  machine: Machine,
  invocation: Invocation,
  { ahead, needsRepositories }: Pick<Command<R>, "ahead" | "needsRepositories">,
  onEvent: SessionOptions["onEvent"],
): SessionOptions {
  return {
    ssh: machine.ssh,
    node: machine.node,
    data: machine.data,
    dataSetting: machine.dataSetting,
    holdMinutes: holdMinutesOf(machine, invocation),
    ahead,
    needsRepositories,
    relay: machine.relay,
    prompter: invocation.loginPrompter,
    onEvent,
    signal: invocation.signal,
  }
}

function holdMinutesOf({ ssh, holdSettings: settings }: Machine, { options: { sshOptions } }: Invocation): number {
  return ssh === undefined ? 0 : holdMinutes({ sshOptions, environment: process.env, settings })
}
