import { belowHome, DatamaestroError } from "@datamaestro/protocol"
import { existsSync, readdirSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { delimiter, join, resolve } from "node:path"
import type { FoundRepository } from "./found-repository.ts"
import { readIfThere, readNamedPackage, readRepositoryPackage } from "./read-package.ts"
import { upwards } from "./upwards.ts"

export interface FindRepositoriesOptions {
  /** The folder of the `datamaestro` package that runs. */
  controller: string
  /** The working directory. */
  directory: string
  environment: NodeJS.ProcessEnv
  /** Package folders besides, absolute. */
  folders?: readonly string[]
  /** Versions of what runs the command, as `process.versions`. */
  versions?: Readonly<Record<string, string | undefined>>
}

export interface RepositoriesHere {
  found: FoundRepository[]
  /** Why packages that say something of datamaestro can't be read, each naming its file. */
  broken: DatamaestroError[]
}

/**
 * The repositories of this machine, without running any of their code: of the packages installed beside the command,
 * of the project in the working directory and its dependencies, and of the folders in `DATAMAESTRO_REPOSITORY_PATH`.
 *
 * @throws DatamaestroError BROKEN_REPOSITORY naming the two packages that claim one name, or a folder of the variable
 *   that is no repository's
 */
export function findRepositories(options: FindRepositoriesOptions): RepositoriesHere {
  const { controller, directory, environment } = options
  // Yarn's mark of it: https://yarnpkg.com/advanced/pnpapi
  const broken = options.versions?.["pnp"] === undefined ? [] : [plugAndPlay()]
  const seen = new Set<string>()
  let found: FoundRepository[] = []
  for (const folders of [
    besideCommand(controller),
    ofProject(directory),
    [...named(environment, directory, broken), ...(options.folders ?? [])],
  ]) {
    const unseen = [...new Set(folders)].filter((folder) => !seen.has(folder))
    for (const folder of unseen) seen.add(folder)
    const nearer = unseen.flatMap((folder) => unlessBroken(readRepositoryPackage, folder, broken))
    // One package that is installed twice is no two: the nearer copy is what the person works with.
    const packages = new Set(nearer.map((repository) => repository.package))
    found = [...found.filter((repository) => !packages.has(repository.package)), ...nearer]
  }
  return { found: eachOnce(found), broken }
}

function plugAndPlay(): DatamaestroError {
  return new DatamaestroError(
    "BROKEN_REPOSITORY",
    "Cannot find packages that Yarn's Plug'n'Play installed: set nodeLinker: node-modules in .yarnrc.yml",
  )
}

/** @throws DatamaestroError BROKEN_REPOSITORY where two claim one name */
function eachOnce(found: readonly FoundRepository[]): FoundRepository[] {
  const known = new Map<string, FoundRepository>()
  for (const repository of found) {
    const other = known.get(repository.id)
    if (other === undefined) known.set(repository.id, repository)
    else if (other.folder !== repository.folder) throw claimedTwice(repository, other)
  }
  return [...known.values()]
}

/** One package that can't be read doesn't stand in the way of the others. Of one that is reached twice it is told once. */
function unlessBroken(
  read: (folder: string) => FoundRepository[],
  folder: string,
  broken: DatamaestroError[],
): FoundRepository[] {
  try {
    return read(folder)
  } catch (error) {
    if (!(error instanceof DatamaestroError)) throw error
    if (broken.every(({ message }) => message !== error.message)) broken.push(error)
    return []
  }
}

function besideCommand(controller: string): string[] {
  return upwards(controller).flatMap((folder) => installed(join(folder, "node_modules")))
}

function installed(modules: string): string[] {
  return namesIn(modules).flatMap((name) => {
    if (name.startsWith(".")) return []
    if (!name.startsWith("@")) return [join(modules, name)]
    return namesIn(join(modules, name)).map((scoped) => join(modules, name, scoped))
  })
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}

/** The nearest project, as npm finds it, and what its package.json says it depends on. */
function ofProject(directory: string): string[] {
  const project = upwards(directory).find((folder) => existsSync(join(folder, "package.json")))
  if (project === undefined) return []
  return [project, ...dependenciesOf(project)]
}

function dependenciesOf(project: string): string[] {
  const names = new Set<string>()
  try {
    const description = JSON.parse(readIfThere(join(project, "package.json")) ?? "{}") as Record<string, unknown>
    for (const kind of ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"]) {
      const list = description[kind]
      if (typeof list === "object" && list !== null) for (const name of Object.keys(list)) names.add(name)
    }
  } catch {
    // If it is a repository package, reading it as such tells; any other project may be as it is.
    return []
  }
  const places = upwards(project).map((folder) => join(folder, "node_modules"))
  return [...names].flatMap((name) => {
    if (name.split("/").includes("..")) return []
    const place = places.find((modules) => existsSync(join(modules, name, "package.json")))
    return place === undefined ? [] : [join(place, name)]
  })
}

/** @throws DatamaestroError BROKEN_REPOSITORY where one is no repository's; not where that can't be read */
function named(environment: NodeJS.ProcessEnv, directory: string, broken: DatamaestroError[]): string[] {
  const variable = environment["DATAMAESTRO_REPOSITORY_PATH"] ?? ""
  const folders = variable.split(delimiter).filter((folder) => folder !== "")
  return folders.map((folder) => {
    // No shell replaces it within quotes, nor in files that are none of its own.
    const below = belowHome(folder)
    const path = below === undefined ? resolve(directory, folder) : join(homedir(), below)
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
      throw notNamed(path, "there is no such folder")
    const unreadable: DatamaestroError[] = []
    const found = unlessBroken(readNamedPackage, path, unreadable)
    if (found.length === 0 && unreadable.length === 0)
      throw notNamed(path, "it is no package with repositories in its package.json")
    broken.push(...unreadable)
    return path
  })
}

function notNamed(path: string, reason: string): DatamaestroError {
  return new DatamaestroError("BROKEN_REPOSITORY", `Cannot use "${path}" as a repository: ${reason}`, {
    hint: "correct DATAMAESTRO_REPOSITORY_PATH: it lists package folders, separated like PATH",
    details: { path },
  })
}

function claimedTwice(one: FoundRepository, other: FoundRepository): DatamaestroError {
  const claims = [other, one].map(({ package: name, folder }) => `"${name}" in "${folder}"`).join(" and ")
  return new DatamaestroError(
    "BROKEN_REPOSITORY",
    `Cannot use repository "${one.id}": ${claims} both claim that name`,
    {
      hint: "remove one of the two",
      details: { repository: one.id, packages: [other.folder, one.folder] },
    },
  )
}
