import {
  brandOf,
  FORMAT_VERSION,
  isRepositoryClass,
  REPOSITORY,
  type DatasetLoader,
  type RepositoryClass,
} from "@datamaestro/dataset"
import { DatamaestroError, NotList, type RepositoryLocation } from "@datamaestro/protocol"
import * as v from "valibot"
import { importModule } from "./import-module.ts"

/** What the compiler holds authors in TypeScript to. Loaders are looked at when each is needed. */
const Statics = v.object({
  NAME: v.optional(v.string()),
  DESCRIPTION: v.optional(v.string(), ""),
  datasets: v.custom<RepositoryClass["datasets"]>(
    (thing) => typeof thing === "object" && thing !== null && !(Symbol.iterator in thing),
    "must be an object with a loader for each id",
  ),
  // A class made with an older copy of the package has no such list.
  movedTo: v.optional(v.pipe(NotList, v.record(v.string(), v.array(v.string()))), {}),
})

/** A repository's declaration, and where its module is on this machine. */
export interface RepositorySource {
  location: RepositoryLocation
  path: string
}

/** A repository whose class was loaded; its definitions are not. */
export interface LoadedRepository {
  /** For a thread that loads it once more. */
  source: RepositorySource
  id: string
  name: string
  description: string
  package: string
  version: string
  datasets: ReadonlyMap<string, DatasetLoader>
  /** The repository that has a dataset now which this one had. */
  moved: ReadonlyMap<string, string>
}

/**
 * Loads a repository's class, and none of its definitions.
 *
 * @param load gives a module by its path
 * @throws DatamaestroError BROKEN_REPOSITORY naming the repository and its package
 */
export async function loadRepository(
  location: RepositoryLocation,
  path: string,
  load = importModule,
): Promise<LoadedRepository> {
  // It is a folder below the data directory, and part of ids: `com.lecun.mnist@image`.
  if (!/^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u.test(location.id)) {
    throw broken(location, "a name is made of letters, digits, _, - and .", path)
  }
  const module = await load(path).catch((error: unknown) => {
    throw broken(location, `its module can't be loaded: ${reasonOf(error)}`, path, error)
  })
  const found = module[location.export]
  if (found === undefined) {
    const classes = Object.keys(module).filter((name) => isRepositoryClass(module[name]))
    const there = classes.length === 0 ? "no repository" : classes.map((name) => `"${name}"`).join(", ")
    throw broken(location, `its module exports no "${location.export}", but ${there}`, path)
  }
  const format = brandOf(found, REPOSITORY)
  if (format !== undefined && format !== FORMAT_VERSION) {
    throw broken(
      location,
      `it has format ${format} of @datamaestro/dataset, and this datamaestro reads ${FORMAT_VERSION}`,
      path,
    )
  }
  if (!isRepositoryClass(found))
    throw broken(location, `"${location.export}" is no class that extends Repository`, path)
  if (found.NAMESPACE !== location.id) {
    throw broken(
      location,
      `its class says NAMESPACE ${JSON.stringify(found.NAMESPACE)}, its package.json "${location.id}"`,
      path,
    )
  }
  const datasets = new Map<string, DatasetLoader>()
  const statics = readStatics(found, location, path)
  for (const [written, loader] of Object.entries(statics.datasets)) {
    // Two ways to write an accent are one id.
    const id = written.normalize("NFC")
    if (datasets.has(id)) throw broken(location, `it has two datasets "${id}"`, path)
    datasets.set(id, loader)
  }
  return {
    source: { location, path },
    id: location.id,
    name: statics.NAME ?? location.id,
    description: statics.DESCRIPTION,
    package: location.package,
    version: location.version,
    datasets,
    moved: new Map(
      Object.entries(statics.movedTo).flatMap(([repository, ids]) =>
        ids.map((one) => [one.normalize("NFC"), repository]),
      ),
    ),
  }
}

function readStatics(
  found: RepositoryClass,
  location: RepositoryLocation,
  path: string,
): v.InferOutput<typeof Statics> {
  const read = ((): v.SafeParseResult<typeof Statics> => {
    try {
      const { NAME, DESCRIPTION, datasets, movedTo } = found
      return v.safeParse(Statics, { NAME, DESCRIPTION, datasets, movedTo })
    } catch (error) {
      throw broken(location, `its class can't be read: ${reasonOf(error)}`, path, error)
    }
  })()
  if (read.success) return read.output
  const issue = read.issues[0]
  throw broken(location, `its class's ${v.getDotPath(issue)}: ${issue.message}`, path)
}

/** What was thrown by code that is not ours, in one line. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.split("\n", 1)[0] ?? ""
}

function broken(location: RepositoryLocation, reason: string, path: string, cause?: unknown): DatamaestroError {
  const lacking = cause instanceof Error && cause.message.startsWith("Cannot find package '")
  return new DatamaestroError("BROKEN_REPOSITORY", `Cannot load repository "${location.id}": ${reason}`, {
    hint: lacking
      ? `install what the package "${location.package}" imports: run npm install in its folder`
      : `build, update or remove the package "${location.package}"`,
    details: { repository: location.id, package: location.package, version: location.version, path },
    cause,
  })
}
