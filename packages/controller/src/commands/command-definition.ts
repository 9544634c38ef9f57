import type { Command } from "commander"
import type { Command as DatamaestroCommand, DirectCommand } from "./command.ts"
import type { GlobalOptions } from "./invocation.ts"

/** What the arguments ask for; its module is loaded only when it runs. */
export interface Selection {
  options: GlobalOptions
  /** `--accept-agreement`. */
  accepted: readonly string[]
  /** Hosts that the command names in its own way. */
  hosts?: readonly string[] | undefined
  load: () => Promise<DatamaestroCommand<never> | DirectCommand>
}

/** Told by the action of the command that the arguments name. */
export type Select = (
  command: Command,
  load: () => Promise<unknown>,
  accepted?: readonly string[],
  hosts?: readonly string[],
) => void

/** What a command is defined with. */
export interface Definer {
  program: Command
  define: (parent: Command, nameAndArguments: string, description: string, example: string) => Command
  select: Select
}

/** By name, in the order of the help. */
export type CommandDefinitions = Readonly<Record<string, (definer: Definer) => void>>
