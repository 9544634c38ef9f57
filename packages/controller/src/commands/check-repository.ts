import { DatamaestroError, type Result } from "@datamaestro/protocol"
import { resolve } from "node:path"
import { declareRepositories } from "../repositories/declare-repositories.ts"
import { readNamedPackage } from "../repositories/read-package.ts"
import type { Call, Command } from "./command.ts"
import { tabLine } from "./tab-line.ts"

type Inspected = Result<"repositories/inspect">

/** What is wrong with the repositories of a package folder, as far as it can be told without network. */
export function checkRepositoryFolder(folder: string): Command<Inspected[]> {
  return {
    needsRepositories: false,
    severalHosts: "lines",
    refuse: ({ options }) => (options.host.length > 0 ? hereOnly() : undefined),
    async run(call) {
      const { session, signal, onProgress } = call
      const path = resolve(folder)
      const own = readNamedPackage(path)
      if (own.length === 0) throw noPackage(path)
      await declareRepositories(session.agent, { where: "local", onEvent: onProgress, signal, folders: [path] })
      const inspected: Inspected[] = []
      for (const { id } of own) inspected.push(await inspect(id, call))
      const faults = inspected.flatMap(({ problems }) => problems.filter(({ level }) => level === "error"))
      if (faults.length > 0) call.fail(broken(path, faults), 0)
      return inspected
    },
    text: (inspected) => inspected.map(report).join(""),
  }
}

async function inspect(repository: string, { session, signal }: Call): Promise<Inspected> {
  try {
    return await session.agent.request("repositories/inspect", { repository }, { signal })
  } catch (error) {
    if (!(error instanceof DatamaestroError) || error.code !== "BROKEN_REPOSITORY") throw error
    // A package may have several: the others are looked at all the same.
    const problems = [{ level: "error" as const, message: error.message }]
    return { repository, datasets: 0, variants: 0, problems }
  }
}

function report({ repository, datasets, variants, problems }: Inspected): string {
  const lines = problems.map(({ level, dataset, message }) => tabLine([level, dataset ?? repository, message]))
  const errors = problems.filter(({ level }) => level === "error").length
  const counts = [
    count(datasets, "dataset"),
    count(variants, "variant"),
    count(errors, "error"),
    count(problems.length - errors, "warning"),
  ]
  return `${lines.join("")}${tabLine([errors === 0 ? "ok" : "broken", repository, counts.join(", ")])}`
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`
}

function broken(path: string, faults: readonly { dataset?: string | undefined }[]): DatamaestroError {
  const named = [...new Set(faults.flatMap(({ dataset }) => dataset ?? []))]
  const first = named.slice(0, 3).join(", ")
  const where = named.length === 0 ? "" : `, in ${named.length > 3 ? `${first} and others` : first}`
  const code = named.length === 0 ? "BROKEN_REPOSITORY" : "BROKEN_DEFINITION"
  const errors = faults.length === 1 ? "there is an error" : `there are ${faults.length} errors`
  return new DatamaestroError(code, `Cannot accept the repository in "${path}": ${errors}${where}`, {
    hint: "correct what the result names, and build the package again if it is compiled",
    details: { path, datasets: named },
  })
}

function noPackage(path: string): DatamaestroError {
  return new DatamaestroError("UNKNOWN_REPOSITORY", `Cannot check "${path}": it is no package with repositories`, {
    hint: 'name a folder whose package.json has "datamaestro": { "repositories": { … } }',
    details: { path },
  })
}

function hereOnly(): DatamaestroError {
  return new DatamaestroError("USAGE", "Cannot check a folder on a host: it is one of this machine", {
    hint: "leave --host out",
  })
}
