import { Option, type Command, type OptionValues } from "commander"
import type { CommandDefinitions } from "./command-definition.ts"
import { parseAge } from "./parse-age.ts"
import { webAddress } from "./web-address.ts"

/** The data machine: its settings, its cache, and how it is reached. */
export const machineCommands: CommandDefinitions = {
  version: ({ program, define, select }) => {
    define(
      program,
      "version",
      "versions of this program, and of agent and Node on the data machine",
      "datamaestro --host cluster version",
    ).action((_values: OptionValues, command: Command) =>
      select(command, async () => (await import("./version.ts")).version()),
    )
  },
  doctor: ({ program, define, select }) => {
    define(
      program,
      "doctor",
      "connect and report, step by step, what works and what to do about the rest",
      `datamaestro --host cluster doctor
datamaestro --host cluster --json doctor`,
    )
      .option("--url <URL>", "an address to test the internet with", webAddress, "https://example.com/")
      .action(({ url }: { url: string }, command: Command) =>
        select(command, async () => (await import("./doctor.ts")).doctor({ url })),
      )
  },
  orphans: ({ program, define, select }) => {
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
          const { orphans } = await import("./orphans.ts")
          const { size = false, delete: remove = false, force = false } = values
          return orphans({ size, remove, force })
        }),
      )
  },
  hosts: ({ program, define, select }) => {
    const hosts = define(
      program,
      "hosts",
      "known hosts: name, address, Node there, and the connection that is held, one a line",
      "datamaestro hosts\ndatamaestro hosts close cluster",
    ).action((_values: OptionValues, command: Command) =>
      select(command, async () => (await import("./hosts.ts")).listHosts(), [], []),
    )
    define(
      hosts,
      "close [HOST...]",
      "end the connections that are held to HOST, each once no command uses it any more",
      "datamaestro hosts close cluster\ndatamaestro hosts close --all",
    )
      .option("--all", "end all of them")
      .action((names: string[], { all = false }: { all?: boolean }, command: Command) => {
        if (!all && names.length === 0) command.error("error: missing required argument 'HOST'")
        select(command, async () => (await import("./hosts.ts")).closeHosts(all), [], names)
      })
  },
  datafolders: ({ program, define, select }) => {
    const datafolders = define(
      program,
      "datafolders",
      "names that definitions use for folders of data that you have already",
      "datamaestro --host cluster datafolders set large_data /scratch/shared/large",
    )
    define(datafolders, "list", "print KEY<TAB>PATH, one a line", "datamaestro datafolders list").action(
      (_values: OptionValues, command: Command) =>
        select(command, async () => (await import("./datafolders.ts")).listDatafolders()),
    )
    define(
      datafolders,
      "set <KEY> <PATH>",
      "name a folder",
      "datamaestro datafolders set large_data /data/large",
    ).action((key: string, path: string, _values: OptionValues, command: Command) =>
      select(command, async () => (await import("./datafolders.ts")).setDatafolder(key, path)),
    )
    define(
      datafolders,
      "remove <KEY>",
      "forget a name; the folder stays",
      "datamaestro datafolders remove large_data",
    ).action((key: string, _values: OptionValues, command: Command) =>
      select(command, async () => (await import("./datafolders.ts")).removeDatafolder(key)),
    )
  },
  cache: ({ program, define, select }) => {
    const cache = define(program, "cache", "the download cache", "datamaestro --host cluster cache list")
    define(
      cache,
      "list",
      "bytes, state, time of the last use, and URL of each download, one a line",
      "datamaestro cache list",
    ).action((_values: OptionValues, command: Command) =>
      select(command, async () => (await import("./cache.ts")).listCache()),
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
        select(command, async () => (await import("./cache.ts")).clearCache(values.olderThan)),
      )
    define(
      cache,
      "verify",
      "check every download and remove those that are not sound",
      "datamaestro cache verify",
    ).action((_values: OptionValues, command: Command) =>
      select(command, async () => (await import("./cache.ts")).verifyCache()),
    )
  },
}
