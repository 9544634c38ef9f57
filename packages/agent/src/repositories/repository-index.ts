import {
  brandOf,
  datasetIdFault,
  DEFINITION,
  FORMAT_VERSION,
  isDefinition,
  isDefinitionError,
  type AnyDefinition,
} from "@datamaestro/dataset"
import { DatamaestroError, stillWaiting, type RepositoryLocation, type RepositorySummary } from "@datamaestro/protocol"
import { runAuthorCode } from "../author-code/run-author-code.ts"
import {
  lacksPackage,
  loadRepository,
  nativeRemedy,
  reasonOf,
  type LoadedRepository,
  type RunCode,
} from "./load-repository.ts"
import { packageMark } from "./package-mark.ts"
import { withSyntaxPlace } from "./syntax-place.ts"

export interface RepositoryIndexOptions {
  /** Where a module is on this machine; only called when it is first needed. */
  modulePath: (module: RepositoryLocation["module"]) => string | Promise<string>
  /** Why packages that may have other repositories can't be read. */
  unreadable?: readonly string[] | undefined
  /** Why a module can't be loaded, where that is known better than by what was thrown. */
  explain?:
    ((module: RepositoryLocation["module"], error: unknown) => Promise<DatamaestroError | undefined>) | undefined
  /** Told of an author's code that takes long, which is waited for a while all the same, or leaves an error unhandled when it is done. */
  tell?: ((message: string) => void) | undefined
  /** Told of code that may never end before it begins, and once it is over: while it holds up the agent, nothing can be told. */
  onCode?: ((code: string, over: boolean) => void) | undefined
  /** What takes long, in milliseconds; 10 s by default. */
  patience?: number
  /** What takes so long, in milliseconds, is given up: a module may wait for what never comes. 5 min by default. */
  limit?: number
}

const PATIENCE = 10_000
const LIMIT = 5 * 60_000

/**
 * The repositories of a session. Each is loaded when something needs it, each definition too; what is broken
 * is told when it is asked for and never hides the others.
 */
export class RepositoryIndex {
  /** Why packages that may have other repositories can't be read. */
  readonly unreadable: readonly string[]
  readonly #locations: ReadonlyMap<string, RepositoryLocation>
  readonly #modulePath: RepositoryIndexOptions["modulePath"]
  readonly #explain: RepositoryIndexOptions["explain"]
  readonly #tell: RepositoryIndexOptions["tell"]
  readonly #onCode: RepositoryIndexOptions["onCode"]
  readonly #patience: number
  readonly #limit: number
  readonly #loaded = new Map<string, Promise<LoadedRepository>>()
  readonly #definitions = new Map<string, Promise<AnyDefinition>>()

  /** @throws DatamaestroError BROKEN_REPOSITORY when two packages claim one name */
  constructor(locations: Iterable<RepositoryLocation>, options: RepositoryIndexOptions = { modulePath: filePath }) {
    const byId = new Map<string, RepositoryLocation>()
    for (const location of locations) {
      const other = byId.get(location.id)
      if (other !== undefined) throw claimedTwice(location, other)
      byId.set(location.id, location)
    }
    this.#locations = byId
    this.#modulePath = options.modulePath
    this.#explain = options.explain
    this.#tell = options.tell
    this.#onCode = options.onCode
    this.#patience = options.patience ?? PATIENCE
    this.#limit = options.limit ?? LIMIT
    this.unreadable = options.unreadable ?? []
  }

  /** The repositories' names, as declared. */
  get ids(): string[] {
    return [...this.#locations.keys()]
  }

  /**
   * A repository with the ids of its datasets.
   *
   * @throws DatamaestroError UNKNOWN_REPOSITORY, BROKEN_REPOSITORY
   */
  async repository(id: string): Promise<LoadedRepository> {
    const location = this.#locations.get(id)
    if (location === undefined) {
      throw new DatamaestroError("UNKNOWN_REPOSITORY", `Cannot find repository "${id}": there is none of that name`, {
        hint: [`there are: ${this.ids.join(", ") || "none"}`, ...this.unreadable].join("; "),
        details: { repository: id, known: this.ids },
      })
    }
    return memoized(this.#loaded, id, async () => {
      const path = await this.#modulePath(location.module)
      const run: RunCode = (code) => this.authored(id, `repository "${id}"`, code)
      return await loadRepository(location, path, run).catch(async (error: Error) => {
        throw (await this.#explain?.(location.module, error.cause)) ?? error
      })
    })
  }

  /**
   * A dataset's definition, by its full id.
   *
   * @throws DatamaestroError UNKNOWN_DATASET, BROKEN_DEFINITION, or what `repository` throws
   */
  async definition(repositoryId: string, id: string): Promise<AnyDefinition> {
    const repository = await this.repository(repositoryId)
    const load = repository.datasets.get(id)
    if (load === undefined) {
      throw new DatamaestroError(
        "UNKNOWN_DATASET",
        `Cannot find dataset "${id}": repository "${repositoryId}" has none of that id`,
        {
          details: { dataset: id, repository: repositoryId },
        },
      )
    }
    return memoized(this.#definitions, `${id}@${repositoryId}`, async () => {
      if (typeof load !== "function") throw brokenDefinition(id, repositoryId, "its loader is no function")
      const loading = this.authored<unknown>(repositoryId, `dataset "${id}"`, load)
      const definition = await loading.catch(async (thrown: unknown) => {
        const error = await withSyntaxPlace(thrown, repository.source.path)
        const location = this.#locations.get(repositoryId)
        const known = location && (await this.#explain?.(location.module, error))
        throw brokenDefinition(id, repositoryId, known ?? error)
      })
      if (!isDefinition(definition)) throw brokenDefinition(id, repositoryId, noDefinition(definition))
      if (definition.id !== id) {
        throw brokenDefinition(id, repositoryId, `its loader gives the definition of "${definition.id}"`)
      }
      const fault = datasetIdFault(id)
      if (fault !== undefined) throw brokenDefinition(id, repositoryId, fault)
      return definition
    })
  }

  /**
   * Runs code of a repository's author.
   *
   * @param what of the repository, for messages
   * @throws what it throws, and what it leaves unhandled meanwhile
   */
  async authored<T>(repositoryId: string, what: string, run: () => T | Promise<T>): Promise<T> {
    const location = this.#locations.get(repositoryId)
    const from = `the package "${location?.package ?? repositoryId}"`
    // Each of these is loaded and described by tests.
    const ours = location?.package.startsWith("@datamaestro/") === true
    const whole = `${what} of ${from}`
    const timer = setTimeout(() => this.#tell?.(stillWaiting(whole)), this.#patience)
    if (!ours) this.#onCode?.(whole, false)
    const code = {
      mark: () => location && packageMark(location.module),
      ours,
      limit: this.#limit,
      onLate: (error: unknown) => this.#tell?.(`The code of ${from} left an error unhandled: ${reasonOf(error)}`),
    }
    try {
      return await runAuthorCode(repositoryId, code, run)
    } finally {
      clearTimeout(timer)
      if (!ours) this.#onCode?.(whole, true)
    }
  }

  /** All of them, the broken ones with `error` instead of a count. */
  async list(): Promise<RepositorySummary[]> {
    return Promise.all(
      [...this.#locations.values()].map(async (location): Promise<RepositorySummary> => {
        const { id, package: from, version } = location
        try {
          const { name, description, datasets } = await this.repository(id)
          return { id, name, description, package: from, version, datasets: datasets.size }
        } catch (error) {
          return { id, name: id, description: "", package: from, version, error: reasonOf(error) }
        }
      }),
    )
  }
}

/** An author's error, told with the dataset and the repository that have it. */
export function brokenDefinition(id: string, repository: string, problem: unknown): DatamaestroError {
  if (problem instanceof DatamaestroError) return problem
  const known = isDefinitionError(problem)
  const reason = typeof problem === "string" ? problem : reasonOf(problem)
  const field = known && problem.field !== "" ? `${problem.field}: ` : ""
  return new DatamaestroError(
    "BROKEN_DEFINITION",
    `Cannot use dataset "${id}" of repository "${repository}": ${known ? `${field}${problem.reason}` : reason}`,
    {
      hint: remedy(repository, problem),
      details: { dataset: id, repository, ...(known ? { field: problem.field } : {}) },
      cause: typeof problem === "string" ? undefined : problem,
    },
  )
}

function remedy(repository: string, problem: unknown): string {
  if (lacksPackage(problem)) {
    return `run npm install in the folder of the repository "${repository}", or tell those who keep it`
  }
  if ((problem as NodeJS.ErrnoException | null | undefined)?.code === "ERR_UNKNOWN_FILE_EXTENSION") {
    return `let the repository "${repository}" load what is built (dist/….js): this Node loads no TypeScript`
  }
  return nativeRemedy(problem) ?? `tell those who keep the repository "${repository}"`
}

async function memoized<T>(memory: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = memory.get(key) ?? make()
  memory.set(key, known)
  return known
}

function noDefinition(thing: unknown): string {
  const format = brandOf(thing, DEFINITION)
  if (format !== undefined) {
    return `it has format ${format} of @datamaestro/dataset, and this datamaestro reads ${FORMAT_VERSION}`
  }
  if (thing === undefined) return "its loader gives undefined: does its module export it?"
  const exported = Object.entries(thing ?? {}).find(([, part]) => isDefinition(part))
  if (exported === undefined) return "its loader gives no definition: make one with defineDataset"
  return `its loader gives a module: write async () => (await import("…")).${exported[0]}`
}

function filePath(module: RepositoryLocation["module"]): string {
  if (module.kind === "file") return module.path
  throw new DatamaestroError("UNEXPECTED", `Cannot load a repository from pack "${module.hash}": nobody unpacked it`)
}

function claimedTwice(one: RepositoryLocation, other: RepositoryLocation): DatamaestroError {
  const packages = [other, one].map((location) => `"${location.package}"`)
  return new DatamaestroError(
    "BROKEN_REPOSITORY",
    `Cannot use repository "${one.id}": ${packages.join(" and ")} both claim that name`,
    {
      hint: "remove one of the two packages",
      details: { repository: one.id, packages: [other.package, one.package] },
    },
  )
}
