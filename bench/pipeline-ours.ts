/** Our side of the benchmark: the real command with a repository of its own. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Contender } from "./measure.ts"
import { retire } from "./pipeline-retire.ts"

const launcher = fileURLToPath(new URL("../packages/controller/bin/datamaestro.js", import.meta.url))
const datasetPackage = fileURLToPath(new URL("../packages/dataset", import.meta.url))

export interface BenchDataset {
  /** The last part of `org.example.bench.NAME`. */
  name: string
  kind: "file" | "tar" | "zip"
  url: string
  /** Of the download. */
  sha256: string
}

/** What all runs have in common: `datamaestro` with a home, a repository and settings that are the benchmark's own. */
export class Ours {
  readonly #environment: NodeJS.ProcessEnv

  constructor(folder: string, datasets: readonly BenchDataset[], environment: NodeJS.ProcessEnv) {
    const home = join(folder, "home")
    mkdirSync(home, { recursive: true })
    this.#environment = {
      ...environment,
      HOME: home,
      XDG_CACHE_HOME: join(home, ".cache"),
      XDG_CONFIG_HOME: join(home, ".config"),
      DATAMAESTRO_REPOSITORY_PATH: writeRepository(join(folder, "repository"), datasets),
    }
  }

  /** A contender that prepares `id` into `data`, which is emptied before each run but for what `keep` says. */
  prepares(options: PrepareOptions): Contender {
    const { id, data, options: more = [], environment = {} } = options
    return {
      name: `datamaestro prepare${more.map((option) => ` ${option}`).join("")}`,
      command: [process.execPath, launcher, "--quiet", "--data", data, ...more, "prepare", id],
      environment: { ...this.#environment, ...environment },
      prepare: () => {
        retire(options.keepCache ? join(data, "data") : data)
        mkdirSync(data, { recursive: true })
        if (options.settings) writeFileSync(join(data, "settings.json"), JSON.stringify(options.settings))
        spawnSync("sync")
      },
      watchMemory: true,
    }
  }

  /** Whether the command knows a global option. */
  hasOption(option: string): boolean {
    const { stdout } = spawnSync(process.execPath, [launcher, "--help"], { env: this.#environment, encoding: "utf8" })
    return stdout.includes(option)
  }

  /** Leaves the download in the cache of `data`, for runs with `keepCache`. */
  fillCache(options: PrepareOptions): void {
    const { command, environment, prepare } = this.prepares({ ...options, environment: {}, keepCache: false })
    prepare?.()
    const [program, ...args] = command
    const result = spawnSync(program, args, { env: environment, encoding: "utf8" })
    if (result.status !== 0) throw new Error(`${command.join(" ")} ended with ${result.status}: ${result.stderr}`)
  }
}

export interface PrepareOptions {
  id: string
  /** The data directory. */
  data: string
  options?: string[]
  settings?: object
  keepCache?: boolean
  environment?: NodeJS.ProcessEnv
}

export const idOf = (name: string): string => `org.example.bench.${name}`

/** Where the dataset `name` is in the data directory. */
export function folderOf(data: string, name: string): string {
  return join(data, "data", "bench", ...idOf(name).split("."))
}

function writeRepository(folder: string, datasets: readonly BenchDataset[]): string {
  const { version } = JSON.parse(readFileSync(join(datasetPackage, "package.json"), "utf8")) as { version: string }
  mkdirSync(join(folder, "node_modules", "@datamaestro"), { recursive: true })
  symlinkSync(datasetPackage, join(folder, "node_modules", "@datamaestro", "dataset"))
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({
      name: "datamaestro-bench-repository",
      version: "1.0.0",
      type: "module",
      dependencies: { "@datamaestro/dataset": version },
      datamaestro: { repositories: { bench: "./index.js#Bench" } },
    }),
  )
  writeFileSync(join(folder, "index.js"), source(datasets))
  return folder
}

function source(datasets: readonly BenchDataset[]): string {
  const entries = datasets.map((dataset) => {
    const id = JSON.stringify(idOf(dataset.name))
    const url = JSON.stringify(dataset.url)
    const sum = `integrity: sha256(${JSON.stringify(dataset.sha256)}, "download")`
    const resource =
      dataset.kind === "file" ? `file(${url}, { name: "blob", ${sum} })` : `${dataset.kind}(${url}, { ${sum} })`
    const value = dataset.kind === "file" ? "rawFile" : "folder"
    return `    [${id}]: () => defineDataset({
      id: ${id}, description: "A benchmark", tags: [], tasks: [],
      resources: { content: ${resource} },
      describe: ({ content }) => ({ content: ${value}(content) }),
    }),`
  })
  return `import { rawFile, defineDataset, file, folder, Repository, sha256, tar, zip } from "@datamaestro/dataset"

export class Bench extends Repository {
  static NAMESPACE = "bench"
  static DESCRIPTION = "What the benchmark prepares"
  static datasets = {
${entries.join("\n")}
  }
}
`
}
