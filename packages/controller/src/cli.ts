import { Command, CommanderError, Option, type OptionValues } from "commander"
import type { Encoder } from "@datamaestro/protocol"
import type { Command as DatamaestroCommand, DirectCommand } from "./commands/command.ts"
import { addGlobalOptions, readGlobalOptions } from "./commands/global-options.ts"
import type { GlobalOptions } from "./commands/invocation.ts"
import { parseAge } from "./commands/parse-age.ts"
import { HOLDER_ARGUMENT } from "./hold/hold-protocol.ts"
import { controllerVersion } from "./version.ts"

/** What the arguments ask for; its module is loaded only when it runs. */
export interface Selection {
  options: GlobalOptions
  /** `--accept-agreement`. */
  accepted: readonly string[]
  /** Hosts that the command names in its own way. */
  hosts?: readonly string[] | undefined
  load: () => Promise<DatamaestroCommand<never> | DirectCommand>
}

interface UsageError {
  message: string
  hint: string
}

const STORY = `
Two machines: you type here; with --host the work happens, and the data stays, on HOST.
HOST needs nothing but Node and your SSH login. Without --host both are this machine.

Examples:
  datamaestro search mnist
  datamaestro prepare com.lecun.mnist
  datamaestro --host cluster --data /scratch/me/datasets prepare com.lecun.mnist
`

/**
 * The command line: parses, runs, prints.
 *
 * @returns the exit status
 */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<number> {
  if (argv[0] === HOLDER_ARGUMENT) return await (await import("./hold/run-holder.ts")).runHolder()
  const { selection, usage, status } = await parse(argv)
  if (selection !== undefined) {
    const { execute } = await import("./commands/execute.ts")
    return await execute(selection)
  }
  if (usage === undefined) return status
  const { reportUsage } = await import("./commands/report-usage.ts")
  return await reportUsage(usage.message, usage.hint, { json: argv.includes("--json") })
}

interface Parsed {
  selection?: Selection
  usage?: UsageError
  status: number
}

const NO_COMMAND: UsageError = { message: "a command is missing", hint: "see datamaestro --help" }

async function parse(argv: readonly string[]): Promise<Parsed> {
  const json = argv.includes("--json")
  let selection: Selection | undefined
  let failedAt = ""
  const select: Select = (command, load, accepted = [], hosts) => {
    // Each command prints its own results only: outside it, what they are does not matter.
    selection = { options: readGlobalOptions(command), accepted, hosts, load: load as Selection["load"] }
  }
  const define = (parent: Command, nameAndArguments: string, description: string, example: string): Command =>
    parent
      .command(nameAndArguments)
      .description(description)
      .addHelpText("after", `\nExample:\n${example.replace(/^/gm, "  ")}`)
  const program = new Command("datamaestro")
    .description("Datasets where your computing is: prepare them on the machine that needs them, over SSH")
    .usage("[global options] COMMAND [options] [arguments]")
    .version(controllerVersion(), "--version", "print the version of this program")
    .addHelpText("after", STORY)
    .configureHelp({ showGlobalOptions: true, subcommandTerm })
    .configureOutput({ outputError: () => {}, ...(json ? { writeErr: () => {} } : {}) })
    .enablePositionalOptions()
    .exitOverride()
  defineDatasetCommands(program, define, select)
  defineMachineCommands(program, define, select)
  defineJobCommands(program, define, select)
  addGlobalOptions(program, true)
  for (const command of descendants(program)) {
    addGlobalOptions(command, false)
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
    if (error.code === "commander.help") return json ? { usage: NO_COMMAND, status: 2 } : { status: 2 }
    if (error.exitCode === 0) return { status: 0 }
    return { usage: usageError(error, failedAt || "datamaestro"), status: 2 }
  }
  return selection === undefined ? { status: 0 } : { selection, status: 0 }
}

type Define = (parent: Command, nameAndArguments: string, description: string, example: string) => Command
type Select = (
  command: Command,
  load: () => Promise<unknown>,
  accepted?: readonly string[],
  hosts?: readonly string[],
) => void

interface PrepareValues extends OptionValues {
  encoder?: Encoder
  downloads?: boolean
  force?: true
  detach?: true
  dryRun?: true
  acceptAgreement?: string[]
}

interface CopyValues {
  from?: string
  to?: string
  fromData?: string
  acceptAgreement?: string[]
}

function defineDatasetCommands(program: Command, define: Define, select: Select): void {
  const collect = (value: string, previous: readonly string[] | undefined): string[] => [...(previous ?? []), value]
  const preparing = (name: string, description: string, example: string): Command =>
    define(program, `${name} <ID...>`, description, example)
      .addOption(new Option("--force", "prepare again what is already there").conflicts("dryRun"))
      .addOption(
        new Option("--detach", "print a job's id for each ID and return at once; see jobs").conflicts("dryRun"),
      )
      .option("--dry-run", "tell what would be done: ID, action, resource, URL, target, bytes; one resource a line")
      .option("--accept-agreement <ID>", "accept this agreement for this call; repeatable", collect)
  const run = (printValue: boolean, ids: string[], values: PrepareValues, command: Command): void => {
    const load = async (): Promise<unknown> => {
      if (values.dryRun === true) {
        return (await import("./commands/dry-run.ts")).dryRun(ids, values.downloads ?? true)
      }
      const { detach, prepare } = await import("./commands/prepare.ts")
      const { encoder = "normal", downloads: download = true, force = false } = values
      if (values.detach === true) return detach({ ids, encoder, download, force })
      return prepare({ ids, encoder, download, force, printValue })
    }
    select(command, load, values.acceptAgreement)
  }
  preparing(
    "prepare",
    "resolve, download, verify and extract datasets, and print them as JSON: an object for one ID, an array for several",
    `datamaestro --host cluster prepare com.lecun.mnist
DS=$(datamaestro prepare --encoder xpm com.lecun.mnist)`,
  )
    .addOption(
      new Option("--encoder <ENCODER>", "how paths and types are written").choices(["normal", "xpm"]).default("normal"),
    )
    .option("--no-downloads", "fail (exit 7) instead of downloading what lacks")
    .action((ids: string[], values: PrepareValues, command: Command) => run(true, ids, values, command))
  preparing(
    "download",
    "the same as prepare, without printing the datasets",
    "datamaestro --host cluster download com.lecun.mnist edu.stanford.aclimdb",
  ).action((ids: string[], values: PrepareValues, command: Command) => run(false, ids, values, command))
  define(
    program,
    "copy <ID>",
    "copy a prepared dataset, with those it refers to, from one machine to another, and print it as there; --data is that of the other",
    `datamaestro copy com.lecun.mnist --from old-cluster --to cluster
datamaestro copy com.lecun.mnist --to cluster`,
  )
    .option("--from <HOST>", "where it is prepared (default: local, this machine)")
    .option("--to <HOST>", "where it shall be (default: local, this machine)")
    .option("--from-data <DIR>", "the data directory to copy from (default: as it is there)")
    .option("--accept-agreement <ID>", "accept this agreement for this call; repeatable", collect)
    .action((id: string, { from, to, fromData, acceptAgreement }: CopyValues, command: Command) =>
      select(
        command,
        async () => (await import("./commands/copy.ts")).copy({ id, from, to, fromData }),
        acceptAgreement,
        [from, to].flatMap((host) => (host === undefined || host === "local" ? [] : [host])),
      ),
    )
  define(
    program,
    "verify <ID...>",
    "compare prepared files with their manifest; exit 5 when one was changed, removed or added",
    "datamaestro --host cluster verify com.lecun.mnist",
  ).action((ids: string[], _values: OptionValues, command: Command) =>
    select(command, async () => (await import("./commands/verify.ts")).verify(ids)),
  )
  define(program, "info <ID>", "the facts of a dataset and its state", "datamaestro info com.lecun.mnist").action(
    (id: string, _values: OptionValues, command: Command) =>
      select(command, async () => (await import("./commands/info.ts")).info(id)),
  )
  define(
    program,
    "search <TERM...>",
    "datasets that match every TERM, a regular expression on the id, or behind tag:, task:, repo: or type:",
    `datamaestro search mnist
datamaestro search tag:image repo:image`,
  ).action((terms: string[], _values: OptionValues, command: Command) =>
    select(command, async () => (await import("./commands/search.ts")).search(terms)),
  )
  define(
    program,
    "check <REPOSITORY>",
    "ask whether the sources of all datasets are still there, and print what was found as JSON",
    "datamaestro check image\ndatamaestro check image -o image.json",
  )
    .option("-o <FILE>", "write to FILE on this machine instead")
    .action((repository: string, { o: output }: { o?: string }, command: Command) =>
      select(command, async () => (await import("./commands/check.ts")).check(repository, output)),
    )
  define(
    program,
    "check-repository [DIR]",
    "for authors: load a package folder, plan every dataset and variant of it, and report what is wrong",
    "datamaestro check-repository\ndatamaestro --json check-repository ~/my-datasets",
  ).action((folder: string | undefined, _values: OptionValues, command: Command) =>
    select(command, async () => (await import("./commands/check-repository.ts")).checkRepositoryFolder(folder ?? ".")),
  )
  define(
    program,
    "create-dataset <REPOSITORY> [ID-or-URL]",
    "write a definition file from a template into a repository's package, register and build it; prints its path",
    `datamaestro create-dataset mine org.example.flowers
datamaestro create-dataset mine https://example.org/data/flowers.csv.gz`,
  ).action((first: string, second: string | undefined, _values: OptionValues, command: Command) =>
    select(command, async () => (await import("./commands/create-dataset.ts")).createDataset(first, second)),
  )
  define(program, "repositories", "the repositories that are found", "datamaestro repositories").action(
    (_values: OptionValues, command: Command) =>
      select(command, async () => (await import("./commands/repositories.ts")).repositories()),
  )
}

function defineMachineCommands(program: Command, define: Define, select: Select): void {
  define(
    program,
    "version",
    "versions of this program, and of agent and Node on the data machine",
    "datamaestro --host cluster version",
  ).action((_values: OptionValues, command: Command) =>
    select(command, async () => (await import("./commands/version.ts")).version()),
  )
  define(
    program,
    "doctor",
    "connect and report, step by step, what works and what to do about the rest",
    `datamaestro --host cluster doctor
datamaestro --host cluster --json doctor`,
  )
    .option("--url <URL>", "what stands for the internet", "https://example.com/")
    .action(({ url }: { url: string }, command: Command) =>
      select(command, async () => (await import("./commands/doctor.ts")).doctor({ url })),
    )
  define(
    program,
    "orphans",
    "data that belongs to no known dataset: print its paths, one a line",
    "datamaestro --host cluster orphans --size\ndatamaestro orphans --delete",
  )
    .option("--size", "print BYTES<TAB>PATH")
    .option("--delete", "remove it, after asking on the terminal")
    .option("--force", "remove it without asking")
    .action((values: { size?: true; delete?: true; force?: true }, command: Command) =>
      select(command, async () => {
        const { orphans } = await import("./commands/orphans.ts")
        const { size = false, delete: remove = false, force = false } = values
        return orphans({ size, remove, force })
      }),
    )
  const hosts = define(
    program,
    "hosts",
    "known hosts: name, address, Node there, and the connection that is held, one a line",
    "datamaestro hosts\ndatamaestro hosts close cluster",
  ).action((_values: OptionValues, command: Command) =>
    select(command, async () => (await import("./commands/hosts.ts")).listHosts()),
  )
  define(
    hosts,
    "close [HOST...]",
    "end the connections that are held to HOST, each with the last command that uses it",
    "datamaestro hosts close cluster\ndatamaestro hosts close --all",
  )
    .option("--all", "end all of them")
    .action((names: string[], { all = false }: { all?: boolean }, command: Command) => {
      if (!all && names.length === 0) command.error("error: missing required argument 'HOST'")
      select(
        command,
        async () => (await import("./commands/hosts.ts")).closeHosts(all),
        [],
        names.length > 0 ? names : undefined,
      )
    })
  const datafolders = define(
    program,
    "datafolders",
    "folders of data that you have already, by the names that definitions use",
    "datamaestro --host cluster datafolders set large_data /scratch/shared/large",
  )
  define(datafolders, "list", "print KEY<TAB>PATH, one a line", "datamaestro datafolders list").action(
    (_values: OptionValues, command: Command) =>
      select(command, async () => (await import("./commands/datafolders.ts")).listDatafolders()),
  )
  define(datafolders, "set <KEY> <PATH>", "name a folder", "datamaestro datafolders set large_data /data/large").action(
    (key: string, path: string, _values: OptionValues, command: Command) =>
      select(command, async () => (await import("./commands/datafolders.ts")).setDatafolder(key, path)),
  )
  define(
    datafolders,
    "remove <KEY>",
    "forget a name; the folder stays",
    "datamaestro datafolders remove large_data",
  ).action((key: string, _values: OptionValues, command: Command) =>
    select(command, async () => (await import("./commands/datafolders.ts")).removeDatafolder(key)),
  )
  const cache = define(program, "cache", "the download cache", "datamaestro --host cluster cache list")
  define(
    cache,
    "list",
    "bytes, state, time of the last use, and URL of each download, one a line",
    "datamaestro cache list",
  ).action((_values: OptionValues, command: Command) =>
    select(command, async () => (await import("./commands/cache.ts")).listCache()),
  )
  define(
    cache,
    "clear",
    "remove all downloads that nobody uses now",
    "datamaestro cache clear\ndatamaestro --host cluster cache clear --older-than 30d",
  )
    .addOption(
      new Option("--older-than <AGE>", "only those not used for this long: 90m, 12h, 30d, 2w").argParser(parseAge),
    )
    .action((values: { olderThan?: number }, command: Command) =>
      select(command, async () => (await import("./commands/cache.ts")).clearCache(values.olderThan)),
    )
  define(
    cache,
    "verify",
    "check every download and remove those that are not sound",
    "datamaestro cache verify",
  ).action((_values: OptionValues, command: Command) =>
    select(command, async () => (await import("./commands/cache.ts")).verifyCache()),
  )
}

/** Work that outlives its connection. */
function defineJobCommands(program: Command, define: Define, select: Select): void {
  const commands = () => import("./commands/jobs.ts")
  const jobs = define(
    program,
    "jobs",
    "work that outlives the connection: what was begun with prepare --detach, or lost its connection",
    "datamaestro --host cluster jobs list",
  )
  define(
    jobs,
    "list",
    "id, state, dataset, progress, host and beginning of each job, one a line",
    "datamaestro --host cluster jobs list",
  ).action((_values: OptionValues, command: Command) => select(command, async () => (await commands()).listJobs()))
  define(
    jobs,
    "attach <JOB>",
    "show a job's progress and print its result, as prepare does; resumes a job whose process is gone; Ctrl-C leaves it running",
    "datamaestro --host cluster jobs attach k3f9c2ax",
  ).action((job: string, _values: OptionValues, command: Command) =>
    select(command, async () => (await commands()).attachJob(job)),
  )
  define(jobs, "logs <JOB>", "what a job has told, with times", "datamaestro --host cluster jobs logs k3f9c2ax").action(
    (job: string, _values: OptionValues, command: Command) =>
      select(command, async () => (await commands()).jobLogs(job)),
  )
  define(
    jobs,
    "cancel <JOB>",
    "end a job, wherever it runs; what is downloaded is kept",
    "datamaestro --host cluster jobs cancel k3f9c2ax",
  ).action((job: string, _values: OptionValues, command: Command) =>
    select(command, async () => (await commands()).cancelJob(job)),
  )
}

/** `prepare <ID...>`: that there are options goes without saying. */
function subcommandTerm(command: Command): string {
  const names = command.registeredArguments.map((each) => {
    if (!each.required) return `[${each.name()}]`
    return each.variadic ? `<${each.name()}...>` : `<${each.name()}>`
  })
  return [command.name(), ...names].join(" ")
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
