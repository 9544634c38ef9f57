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
import { thrownText } from "../author-code/thrown-text.ts"
import { importModule } from "./import-module.ts"
import { withSyntaxPlace } from "./syntax-place.ts"

/** What the compiler holds authors in TypeScript to. Loaders are looked at when each is needed. */
const Statics = v.object({
  NAME: v.optional(v.string()),
  DESCRIPTION: v.optional(v.string(), ""),
  datasets: v.pipe(
    v.custom<RepositoryClass["datasets"]>(
      (thing) => typeof thing === "object" && thing !== null && !(Symbol.iterator in thing),
      "must be an object with a loader for each id",
    ),
    v.transform((datasets) => Object.entries(datasets)),
  ),
  // A class made with an older copy of the package has no such list.
  movedTo: v.optional(v.pipe(NotList, v.record(v.string(), v.array(v.string()))), {}),
})

/** A repository's declaration, and where its module is on this machine. */
export interface RepositorySource {
  location: RepositoryLocation
  path: string
}

/** Runs code that is not ours. */
export type RunCode = <T>(code: () => T | Promise<T>) => Promise<T>

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
 * @param run runs the author's code
 * @throws DatamaestroError BROKEN_REPOSITORY naming the repository and its package
 */
export async function loadRepository(
  location: RepositoryLocation,
  path: string,
  run: RunCode = async (code) => await code(),
): Promise<LoadedRepository> {
  // It is a folder below the data directory, and part of ids: `com.lecun.mnist@image`.
  if (!/^\w[\w.-]*$/.test(location.id) && !/^[\p{L}\p{N}_][\p{L}\p{N}_.-]*$/u.test(location.id)) {
    throw broken(location, "a name is made of letters, digits, _, - and .", path)
  }
  const module = await run(() => importModule(path)).catch(async (thrown: unknown) => {
    const error = await withSyntaxPlace(thrown, path)
    throw broken(location, `its module can't be loaded: ${reasonOf(error)}`, path, error)
  })
  const found = exportedClass(module, location, path)
  const { NAMESPACE, read } = await run(() => readStatics(found)).catch((error: unknown) => {
    throw broken(location, `its class can't be read: ${reasonOf(error)}`, path, error)
  })
  if (NAMESPACE !== location.id) {
    throw broken(
      location,
      `its class says NAMESPACE ${JSON.stringify(NAMESPACE)}, its package.json "${location.id}"`,
      path,
    )
  }
  if (!read.success) {
    const issue = read.issues[0]
    throw broken(location, `its class's ${v.getDotPath(issue)}: ${issue.message}`, path)
  }
  const { NAME, DESCRIPTION, datasets, movedTo } = read.output
  return {
    source: { location, path },
    id: location.id,
    name: NAME ?? location.id,
    description: DESCRIPTION,
    package: location.package,
    version: location.version,
    datasets: loadersById(datasets, location, path),
    moved: new Map(
      Object.entries(movedTo).flatMap(([repository, ids]) => ids.map((one) => [one.normalize("NFC"), repository])),
    ),
  }
}

function exportedClass(module: Record<string, unknown>, location: RepositoryLocation, path: string): RepositoryClass {
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
  if (isRepositoryClass(found)) return found
  throw broken(location, `"${location.export}" is no class that extends Repository`, path)
}

function loadersById(
  written: readonly [string, DatasetLoader][],
  location: RepositoryLocation,
  path: string,
): Map<string, DatasetLoader> {
  const loaders = new Map<string, DatasetLoader>()
  for (const [key, loader] of written) {
    // Two ways to write an accent are one id.
    const id = key.normalize("NFC")
    if (loaders.has(id)) throw broken(location, `it has two datasets "${id}"`, path)
    loaders.set(id, loader)
  }
  return loaders
}

/** All of its author's code that may run: each may be a getter. */
function readStatics({ NAMESPACE, NAME, DESCRIPTION, datasets, movedTo }: RepositoryClass): {
  NAMESPACE: string
  read: v.SafeParseResult<typeof Statics>
} {
  return { NAMESPACE, read: v.safeParse(Statics, { NAME, DESCRIPTION, datasets, movedTo }) }
}

/** What was thrown by code that is not ours, in one line. */
export function reasonOf(error: unknown): string {
  return thrownText(error).split("\n", 1)[0] ?? ""
}

/** Whether a package is not there that an ES module imports, or a CommonJS one requires. */
export function lacksPackage(error: unknown): boolean {
  return error instanceof Error && /^Cannot find (?:package '|module '(?![./]|[A-Za-z]:))/.test(error.message)
}

/** What to do about native code that this machine can't load. */
export function nativeRemedy(error: unknown): string | undefined {
  if ((error as NodeJS.ErrnoException | null | undefined)?.code !== "ERR_DLOPEN_FAILED") return undefined
  return `its native code is not for this machine (${process.platform} ${process.arch}, Node ${process.version}): install the package on one that is alike, or do without native code`
}

function broken(location: RepositoryLocation, reason: string, path: string, cause?: unknown): DatamaestroError {
  return new DatamaestroError("BROKEN_REPOSITORY", `Cannot load repository "${location.id}": ${reason}`, {
    hint: remedy(location.package, cause),
    details: { repository: location.id, package: location.package, version: location.version, path },
    cause,
  })
}

function remedy(from: string, cause: unknown): string {
  if (lacksPackage(cause)) {
    return `install what the package "${from}" imports: run npm install in its folder`
  }
  // Node requires ES modules from 20.19 on, and such is @datamaestro/dataset.
  if (cause instanceof Error && (cause as NodeJS.ErrnoException).code === "ERR_REQUIRE_ESM") {
    return `the package "${from}" is CommonJS and requires an ES module, for which this Node (${process.version}) is too old: take 20.19 or newer with --node, or let its modules use import`
  }
  return nativeRemedy(cause) ?? `build, update or remove the package "${from}"`
}
