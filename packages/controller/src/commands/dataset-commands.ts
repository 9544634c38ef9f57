import { InvalidArgumentError, Option, type Command, type OptionValues } from "commander"
import type { Encoder } from "@datamaestro/protocol"
import { collect, readGlobalOptions } from "./global-options.ts"
import type { CommandDefinitions, Definer, Select } from "./command-definition.ts"

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

function collectAgreements(value: string, previous: readonly string[] | undefined): string[] {
  if (value === "") throw new InvalidArgumentError("It must be the id of an agreement.")
  return collect(value, previous)
}

/** Finding, preparing and checking datasets. */
export const datasetCommands: CommandDefinitions = {
  prepare: (definer) => {
    preparing(
      definer,
      "prepare",
      "resolve, download, verify and extract datasets, and print them as JSON: an object for one ID, an array for several",
      `datamaestro --host cluster prepare com.lecun.mnist
DS=$(datamaestro prepare --encoder xpm com.lecun.mnist)`,
    )
      .addOption(
        new Option("--encoder <ENCODER>", "how paths and types are written")
          .choices(["normal", "xpm"])
          .default("normal"),
      )
      .option("--no-downloads", "ask no server: make what the cache has, fail (exit 7) where it lacks something")
      .action((ids: string[], values: PrepareValues, command: Command) =>
        run(definer.select, true, ids, values, command),
      )
  },
  download: (definer) => {
    preparing(
      definer,
      "download",
      "the same as prepare, without printing the datasets",
      "datamaestro --host cluster download com.lecun.mnist edu.stanford.aclimdb",
    ).action((ids: string[], values: PrepareValues, command: Command) =>
      run(definer.select, false, ids, values, command),
    )
  },
  copy: ({ program, define, select }) => {
    define(
      program,
      "copy <ID>",
      "copy a prepared dataset, with those it refers to, from one machine to another, and print it as prepare would there; --data is the directory to copy to",
      `datamaestro copy com.lecun.mnist --from old-cluster --to cluster
datamaestro copy com.lecun.mnist --to cluster`,
    )
      .option("--from <HOST>", "where it is prepared (default: local, this machine)")
      .option("--to <HOST>", "where it goes (default: local, this machine)")
      .option("--from-data <DIR>", "the data directory to copy from (default: the one that its machine would use)")
      .option("--accept-agreement <ID>", "accept this agreement for this call; repeatable", collectAgreements)
      .action((id: string, { from, to, fromData, acceptAgreement }: CopyValues, command: Command) =>
        select(
          command,
          async () => (await import("./copy.ts")).copy({ id, from, to, fromData }),
          acceptAgreement,
          [from, to].flatMap((host) => (host === undefined || host === "local" ? [] : [host])),
        ),
      )
  },
  verify: ({ program, define, select }) => {
    define(
      program,
      "verify <ID...>",
      "compare prepared files with their manifest; exit 5 when one was changed, removed or added",
      "datamaestro --host cluster verify com.lecun.mnist",
    ).action((ids: string[], _values: OptionValues, command: Command) =>
      select(command, async () => (await import("./verify.ts")).verify(ids)),
    )
  },
  info: ({ program, define, select }) => {
    define(program, "info <ID>", "the facts of a dataset and its state", "datamaestro info com.lecun.mnist").action(
      (id: string, _values: OptionValues, command: Command) =>
        select(command, async () => (await import("./info.ts")).info(id)),
    )
  },
  search: ({ program, define, select }) => {
    define(
      program,
      "search <TERM...>",
      "datasets that match every TERM: a regular expression for the id, or, after tag:, task:, repo: or type:, for that field",
      `datamaestro search mnist
datamaestro search tag:image repo:image`,
    ).action((terms: string[], _values: OptionValues, command: Command) =>
      select(command, async () => (await import("./search.ts")).search(terms)),
    )
  },
  check: ({ program, define, select }) => {
    define(
      program,
      "check <REPOSITORY>",
      "ask whether the sources of all datasets are still there, and print what was found as JSON",
      "datamaestro check image\ndatamaestro check image -o image.json",
    )
      .option("-o <FILE>", "write to FILE on this machine instead")
      .action((repository: string, { o: output }: { o?: string }, command: Command) =>
        select(command, async () => (await import("./check.ts")).check(repository, output)),
      )
  },
  "check-repository": ({ program, define, select }) => {
    define(
      program,
      "check-repository [DIR]",
      "for authors: load a package folder, plan every dataset and variant of it, and report what is wrong",
      "datamaestro check-repository\ndatamaestro --json check-repository ~/my-datasets",
    ).action((folder: string | undefined, _values: OptionValues, command: Command) =>
      select(command, async () => (await import("./check-repository.ts")).checkRepositoryFolder(folder ?? ".")),
    )
  },
  "create-dataset": ({ program, define, select }) => {
    define(
      program,
      "create-dataset <REPOSITORY> [ID-or-URL]",
      "write a definition file from a template into a repository's package, register and build it; prints its path",
      `datamaestro create-dataset mine org.example.flowers
datamaestro create-dataset mine https://example.org/data/flowers.csv.gz`,
    ).action((first: string, second: string | undefined, _values: OptionValues, command: Command) =>
      select(command, async () => (await import("./create-dataset.ts")).createDataset(first, second)),
    )
  },
  repositories: ({ program, define, select }) => {
    define(program, "repositories", "the repositories that are found", "datamaestro repositories").action(
      (_values: OptionValues, command: Command) =>
        select(command, async () => (await import("./repositories.ts")).repositories()),
    )
  },
}

function preparing({ program, define }: Definer, name: string, description: string, example: string): Command {
  return define(program, `${name} <ID...>`, description, example)
    .addOption(new Option("--force", "prepare again what is already there").conflicts("dryRun"))
    .addOption(new Option("--detach", "print a job's id for each ID and return at once; see jobs").conflicts("dryRun"))
    .option("--dry-run", "tell what would be done: ID, action, resource, URL, target, bytes; one resource a line")
    .option("--accept-agreement <ID>", "accept this agreement for this call; repeatable", collectAgreements)
}

function run(select: Select, printValue: boolean, ids: string[], values: PrepareValues, command: Command): void {
  if (values.detach === true && readGlobalOptions(command).onDisconnect === "cancel") {
    command.error("error: option '--detach' cannot be used with option '--on-disconnect cancel'")
  }
  const load = async (): Promise<unknown> => {
    if (values.dryRun === true) {
      return (await import("./dry-run.ts")).dryRun(ids, values.downloads ?? true)
    }
    const { detach, prepare } = await import("./prepare.ts")
    const { encoder = "normal", downloads: download = true, force = false } = values
    if (values.detach === true) return detach({ ids, encoder, download, force })
    return prepare({ ids, encoder, download, force, printValue })
  }
  select(command, load, values.acceptAgreement)
}
