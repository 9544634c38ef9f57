import { Command, CommanderError, type OutputConfiguration } from "commander"
import type { CommandDefinitions, Definer, Selection } from "./commands/command-definition.ts"
import { datasetCommands } from "./commands/dataset-commands.ts"
import { addGlobalOptions, readGlobalOptions } from "./commands/global-options.ts"
import { jobCommands } from "./commands/job-commands.ts"
import { machineCommands } from "./commands/machine-commands.ts"
import { HOLDER_ARGUMENT } from "./hold/hold-protocol.ts"
import { setEarlyAgent, type EarlyAgent } from "./transport/early-agent.ts"
import { controllerVersion } from "./version.ts"

const COMMANDS: CommandDefinitions = { ...datasetCommands, ...machineCommands, ...jobCommands }

interface UsageError {
  message: string
  hint: string
}

const STORY = `
Two machines: you type here; with --host the work happens, and the data stays,
on HOST, which needs nothing but Node and your SSH login. Without --host both
are this machine.

Examples:
  datamaestro search mnist
  datamaestro prepare com.lecun.mnist
  datamaestro --host cluster --data /scratch/me/datasets prepare com.lecun.mnist
`

export { exitOrSignal } from "./commands/exit-or-signal.ts"

/**
 * The command line: parses, runs, prints.
 *
 * @param early this machine's agent, where it is started already
 * @returns the exit status
 */
export async function main(argv: readonly string[] = process.argv.slice(2), early?: EarlyAgent): Promise<number> {
  setEarlyAgent(early)
  if (argv[0] === HOLDER_ARGUMENT) return await (await import("./hold/run-holder.ts")).runHolder()
  const { selection, usage, status, help } = await parse(argv)
  if (selection !== undefined) {
    const { execute } = await import("./commands/execute.ts")
    return await execute(selection)
  }
  if (usage === undefined) return (await (await import("./commands/write-help.ts")).writeHelp(help)) ?? status
  const { reportUsage } = await import("./commands/report-usage.ts")
  return await reportUsage(usage.message, usage.hint, { json: argv.includes("--json") })
}

interface Parsed {
  selection?: Selection | undefined
  usage?: UsageError
  status: number
  /** What was asked for with `--help` or `--version`. */
  help: string
}

const NO_COMMAND: UsageError = { message: "a command is missing", hint: "see datamaestro --help" }

/**
 * Help and suggestions need all commands, what runs only its own: defining them all takes longer than the rest.
 * What is not understood with some of them is read again with all.
 */
async function parse(argv: readonly string[]): Promise<Parsed> {
  const named = Object.keys(COMMANDS).filter((name) => argv.includes(name))
  if (named.length > 0 && !argv.some((word) => HELP.test(word))) {
    const parsed = await parseWith(named, argv, true)
    if (parsed?.selection !== undefined) return parsed
  }
  return await parseWith(Object.keys(COMMANDS), argv, false)
}

const HELP = /^(-[a-zA-Z]*h|--help|help|--version)/

async function parseWith(names: readonly string[], argv: readonly string[], quietly: boolean): Promise<Parsed> {
  const json = argv.includes("--json")
  let selection: Selection | undefined
  let failedAt = ""
  let help = ""
  const program = rootCommand({
    writeOut: (text) => (help += text),
    ...(json || quietly ? { writeErr: () => {} } : {}),
  })
  const define: Definer["define"] = (parent, nameAndArguments, description, example) =>
    parent
      .command(nameAndArguments)
      .description(description)
      .addHelpText("after", `\nExample:\n${example.replace(/^/gm, "  ")}`)
  const select: Definer["select"] = (command, load, accepted = [], hosts) => {
    // Each command prints its own results only: outside it, what they are does not matter.
    selection = { options: readGlobalOptions(command), accepted, hosts, load: load as Selection["load"] }
  }
  for (const name of names) COMMANDS[name]?.({ program, define, select })
  // Commander's own takes one name, and says nothing of one that there is not.
  program
    .helpCommand(false)
    .command("help [command...]")
    .description("display help for command")
    .action((path: string[]) => commandAt(program, path).help())
  addGlobalOptions(program, true)
  for (const command of descendants(program)) {
    addGlobalOptions(command, false)
    command.version(controllerVersion(), "--version").options.at(-1)?.hideHelp()
    command.exitOverride((error) => {
      failedAt ||= pathOf(command)
      throw error
    })
  }
  try {
    await program.parseAsync([...argv], { from: "user" })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    // Help that was asked for is a result; help for want of a command is not.
    if (error.exitCode !== 0 && error.code === "commander.help")
      return json ? { usage: NO_COMMAND, status: 2, help } : { status: 2, help }
    if (error.exitCode === 0) return { status: 0, help }
    return { usage: usageError(error, failedAt || "datamaestro"), status: 2, help }
  }
  return { selection, status: 0, help }
}

function rootCommand(output: OutputConfiguration): Command {
  return new Command("datamaestro")
    .description("Datasets where your computing is: prepare them on the machine that needs them, over SSH")
    .usage("[global options] COMMAND [options] [arguments]")
    .version(controllerVersion(), "--version", "print the version of this program")
    .addHelpText("after", STORY)
    .configureHelp({ showGlobalOptions: true, subcommandTerm, minWidthToWrap: 20 })
    .configureOutput({ outputError: () => {}, ...output })
    .enablePositionalOptions()
    .exitOverride()
}

/** `prepare <ID...>`: that there are options goes without saying. */
function subcommandTerm(command: Command): string {
  const names = command.registeredArguments.map((each) => {
    const name = each.variadic ? `${each.name()}...` : each.name()
    return each.required ? `<${name}>` : `[${name}]`
  })
  return [command.name(), ...names].join(" ")
}

function commandAt(program: Command, path: readonly string[]): Command {
  return path.reduce((parent, name) => {
    const child = parent.commands.find((each) => each.name() === name || each.aliases().includes(name))
    if (child === undefined) throw new CommanderError(1, "commander.unknownCommand", `error: unknown command '${name}'`)
    return child
  }, program)
}

function descendants(command: Command): Command[] {
  return command.commands.flatMap((each) => [each, ...descendants(each)])
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`
}

/** `error: unknown option '--foo'\n(Did you mean --force?)` as a message and a hint. */
function usageError(error: CommanderError, command: string): UsageError {
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n")
  const suggestion = rest.join(" ").replace(/^\((.*)\)$/, "$1")
  const help = `see ${command} --help`
  return { message: first, hint: suggestion === "" ? help : `${suggestion} (${help})` }
}
