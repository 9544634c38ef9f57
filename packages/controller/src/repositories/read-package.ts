import { DatamaestroError, parseJsonDocument } from "@datamaestro/protocol"
import { readFileSync, realpathSync } from "node:fs"
import { join, posix } from "node:path"
import * as v from "valibot"
import { systemReason } from "../system-reason.ts"
import type { FoundRepository } from "./found-repository.ts"

const Name = v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9_-]*$/i, "a repository's name has letters, digits, _ and -"))
const Target = v.pipe(
  v.string(),
  v.regex(/^\.\/[^#]+#[\p{L}_$][\p{L}\p{N}_$]*$/u, 'expected "./path/to/module.js#ExportedClass"'),
)

const RepositoryPackage = v.object({
  name: v.pipe(v.string(), v.nonEmpty()),
  version: v.optional(v.string(), "0.0.0"),
  datamaestro: v.object({ repositories: v.record(Name, Target) }),
})

/**
 * The repositories that a package declares; none when it is absent or is no repository package.
 *
 * @param folder the package's folder
 * @throws DatamaestroError BROKEN_REPOSITORY naming the file
 */
export function readRepositoryPackage(folder: string): FoundRepository[] {
  const path = join(folder, "package.json")
  const text = readIfThere(path)
  // Most packages have nothing to do with us: whatever state they are in, they are not ours to judge.
  if (text === undefined || !text.includes('"datamaestro"')) return []
  return repositoriesIn(folder, path, parsePackage(text, path))
}

/**
 * Those of a package that somebody named: then also what does not look like ours must be readable.
 *
 * @throws DatamaestroError BROKEN_REPOSITORY naming the file
 */
export function readNamedPackage(folder: string): FoundRepository[] {
  const path = join(folder, "package.json")
  const text = readIfThere(path)
  return text === undefined ? [] : repositoriesIn(folder, path, parsePackage(text, path))
}

function repositoriesIn(folder: string, path: string, parsed: unknown): FoundRepository[] {
  if (typeof parsed !== "object" || parsed === null || !declares(parsed)) return []
  const checked = v.safeParse(RepositoryPackage, parsed)
  if (!checked.success) {
    const issue = checked.issues[0]
    throw broken(path, `${v.getDotPath(issue) ?? "the document"}: ${issue.message}`)
  }
  const { name, version, datamaestro } = checked.output
  const real = realpathSync(folder)
  return Object.entries(datamaestro.repositories).map(([id, target]) => {
    const [file = "", exported = ""] = target.split("#")
    const module = posix.normalize(file)
    if (module.startsWith("../"))
      throw broken(path, `datamaestro.repositories.${id}: the module lies outside the package`)
    return { id, package: name, version, export: exported, folder: real, module }
  })
}

/** `datamaestro` may also be a dependency's name or somebody else's key. */
function declares(document: object): boolean {
  const own = (document as { datamaestro?: unknown }).datamaestro
  return typeof own === "object" && own !== null && "repositories" in own
}

export function readIfThere(path: string): string | undefined {
  try {
    // npm and Node read one that begins with a byte order mark.
    return readFileSync(path, "utf8").replace(/^\uFEFF/, "")
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ENOTDIR") return undefined
    throw broken(path, systemReason(error).reason, error)
  }
}

/** @throws DatamaestroError BROKEN_REPOSITORY with line and column */
function parsePackage(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // Node's own words have no line, and differ between its versions.
    try {
      parseJsonDocument(text, path, v.looseObject({}))
    } catch (told) {
      if (!(told instanceof DatamaestroError)) throw told
      throw new DatamaestroError("BROKEN_REPOSITORY", told.message, {
        hint: "correct or remove that package",
        details: told.details,
        cause: error,
      })
    }
    throw broken(path, (error as Error).message, error)
  }
}

export function broken(path: string, reason: string, cause?: unknown): DatamaestroError {
  return new DatamaestroError("BROKEN_REPOSITORY", `Cannot read "${path}": ${reason}`, {
    hint: "correct or remove that package",
    details: { path },
    cause,
  })
}
