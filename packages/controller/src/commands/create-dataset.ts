import { asDatamaestroError, DatamaestroError } from "@datamaestro/protocol"
import { existsSync } from "node:fs"
import { readFile, realpath, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { buildPackage } from "../authoring/build-package.ts"
import { datasetName, type DatasetName } from "../authoring/dataset-name.ts"
import { datasetTemplate } from "../authoring/dataset-template.ts"
import { definitionSuffix } from "../authoring/definition-suffix.ts"
import { registerDataset } from "../authoring/register-dataset.ts"
import { repositorySource } from "../authoring/repository-source.ts"
import type { FoundRepository } from "../repositories/found-repository.ts"
import { replaceFile } from "../replace-file.ts"
import { repositoriesHere } from "../repositories/repositories-here.ts"
import type { Session } from "../session/session.ts"
import { systemReason } from "../system-reason.ts"
import type { Call, Command } from "./command.ts"

interface Created {
  id: string
  repository: string
  /** The definition, absolute. */
  file: string
  /** The module that leads to it now, absolute. */
  registered: string
}

/**
 * Writes a definition from a template into a repository's package, registers it, and builds the package if it is
 * compiled, so that it is found at once. Nothing that exists is overwritten.
 *
 * @param first the repository; or the id or URL, when `second` is missing and the user settings name a repository
 */
export function createDataset(first: string, second: string | undefined): Command<Created> {
  return {
    needsRepositories: true,
    severalHosts: "object",
    refuse: ({ options }) => (options.host.length > 0 ? hereOnly() : undefined),
    async run(call) {
      const { settings } = call.invocation
      const repository = second === undefined ? settings.default_repository : first
      if (repository === undefined) throw noRepository(first)
      const name = datasetName(second ?? first)
      const { found, broken } = repositoriesHere()
      const target = found.find(({ id }) => id === repository)
      if (target === undefined) throw unknownRepository(repository, found, broken)
      const source = repositorySource(target)
      await refuseExisting(name, target, call.session)
      const created = await write(name, target, source.path)
      if (source.compiled && !(await buildPackage(target.folder, call.signal))) {
        const message = `"${target.folder}" must be built before "${name.id}" is found: it has neither a script build nor TypeScript`
        call.onProgress({ phase: "notice", level: "warning", message })
        return created
      }
      await confirm(created, call)
      return created
    },
    text: ({ file }) => `${file}\n`,
  }
}

async function refuseExisting({ id }: DatasetName, target: FoundRepository, session: Session): Promise<void> {
  try {
    const { id: known } = await session.agent.request("datasets/info", { id: `${id}@${target.id}` })
    if (known === id || known.startsWith(`${id}[`)) throw exists(id, `repository "${target.id}" has it already`)
  } catch (error) {
    const { code } = asDatamaestroError(error)
    if (code === "UNKNOWN_DATASET" || code === "AMBIGUOUS_DATASET") return
    // It is there, though something is wrong with it.
    if (code === "BROKEN_DEFINITION") throw exists(id, `repository "${target.id}" has it already`)
    // What was never built can't be loaded yet.
    if (code === "BROKEN_REPOSITORY" && !existsSync(join(target.folder, target.module))) return
    throw error
  }
}

async function write(name: DatasetName, target: FoundRepository, source: string): Promise<Created> {
  const registered = await realpath(source)
  const fileName = `${name.id}${definitionSuffix(registered)}`
  const file = join(dirname(registered), fileName)
  const before = await readFile(registered, "utf8")
  const text = registerDataset({ path: registered, text: before, exported: target.export }, name.id, fileName)
  if (existsSync(file)) throw exists(name.id, `there is a file "${file}"`)
  await put(file, datasetTemplate(name))
  try {
    await put(registered, text)
  } catch (error) {
    await rm(file, { force: true })
    throw error
  }
  return { id: name.id, repository: target.id, file, registered }
}

/** The whole file or none: what is half written would break the package. */
async function put(path: string, text: string): Promise<void> {
  await replaceFile(path, text, 0o666).catch((error: unknown) => {
    throw unwritable(path, error)
  })
}

/** Asks an agent that has loaded nothing yet. */
async function confirm({ id, repository, file, registered }: Created, call: Call): Promise<void> {
  const { invocation, machine, signal, onProgress } = call
  const session = await invocation.openSession({
    node: machine.node,
    data: machine.data,
    prompter: invocation.prompter,
    onEvent: onProgress,
    signal,
  })
  try {
    await session.declareRepositories()
    await session.agent.request("datasets/info", { id: `${id}@${repository}` }, { signal })
  } catch (error) {
    const { code, message } = asDatamaestroError(error)
    throw new DatamaestroError(code, message, {
      hint: `"${file}" is written, and registered in "${registered}": look there`,
      cause: error,
    })
  } finally {
    await session.close()
  }
}

function exists(id: string, reason: string): DatamaestroError {
  return new DatamaestroError("USAGE", `Cannot create dataset "${id}": ${reason}`, {
    hint: "choose another id, or edit what is there",
    details: { id },
  })
}

function unknownRepository(
  id: string,
  found: readonly FoundRepository[],
  broken: readonly DatamaestroError[],
): DatamaestroError {
  const known = found.map((each) => each.id)
  return new DatamaestroError("UNKNOWN_REPOSITORY", `Cannot find repository "${id}": there is none of that name`, {
    hint: [
      `there are: ${known.join(", ") || "none"}`,
      ...broken.map(({ message }) => message),
      "name a package's folder in DATAMAESTRO_REPOSITORY_PATH",
    ].join("; "),
    details: { repository: id, known },
  })
}

function noRepository(typed: string): DatamaestroError {
  return new DatamaestroError("USAGE", `Cannot create "${typed}": no repository is given`, {
    hint: `write \`datamaestro create-dataset REPOSITORY ${typed}\`, or set default_repository in user.json`,
  })
}

function hereOnly(): DatamaestroError {
  return new DatamaestroError("USAGE", "Cannot create a dataset on a host: repositories are of this machine", {
    hint: "leave --host out: with it, repositories travel by themselves",
  })
}

function unwritable(path: string, cause: unknown): DatamaestroError {
  const { code, reason } = systemReason(cause)
  return new DatamaestroError(code, `Cannot write "${path}": ${reason}`, {
    hint: "check the folder's permissions and space, or work in a copy of the package",
    details: { path },
    cause,
  })
}
