import { DatamaestroError, type Result } from "@datamaestro/protocol"
import { replaceFile } from "../replace-file.ts"
import { systemReason } from "../system-reason.ts"
import { checkEntries, type CheckEntry } from "./check-entries.ts"
import type { Command } from "./command.ts"

type Checked = Result<"repositories/check">

/** Whether the sources of a repository's datasets are there, as JSON on stdout or in a file of this machine. */
export function check(repository: string, output?: string): Command<CheckEntry[]> {
  return {
    needsRepositories: true,
    severalHosts: "object",
    refuse: ({ machines }) => (output !== undefined && machines.length > 1 ? oneHost(output) : undefined),
    async run(call) {
      const { session, signal, onProgress } = call
      const checked = await session.agent.request("repositories/check", { repository }, { signal, onProgress })
      for (const message of alternativesOnly(checked)) onProgress({ phase: "notice", level: "warning", message })
      const error = lacking(checked)
      if (error !== undefined) call.fail(error, 0)
      const entries = checkEntries(checked)
      if (output === undefined) return entries
      try {
        await replaceFile(output, text(entries), 0o666)
        return undefined
      } catch (cause) {
        const { code, reason } = systemReason(cause)
        const unwritten = new DatamaestroError(code, `Cannot write "${output}": ${reason}`, {
          hint: "choose another file with -o; the result is on stdout instead",
          details: { path: output },
          cause,
        })
        call.fail(unwritten, -1, "here")
        // A check of many sources takes long: what it found is not lost.
        return entries
      }
    },
    text,
  }
}

function text(entries: CheckEntry[]): string {
  return `${JSON.stringify(entries, undefined, 2)}\n`
}

/** What is gone and has an alternative that works: nobody is stopped by it, and somebody should mend it. */
function alternativesOnly({ datasets }: Checked): string[] {
  const gone = datasets.flatMap(({ id, resources }) =>
    resources.flatMap(({ ok, sources }) =>
      (ok ? sources.filter((source) => !source.ok) : []).map(
        ({ url, error }) => `"${url}" of dataset "${id}" can't be had: ${error ?? "no answer"}; an alternative can`,
      ),
    ),
  )
  return [...new Set(gone)]
}

function lacking({ repository, datasets }: Checked): DatamaestroError | undefined {
  const resources = datasets.flatMap((dataset) => dataset.resources)
  const gone = resources.filter(({ ok }) => !ok)
  const broken = datasets.filter(({ error }) => error !== undefined)
  if (gone.length === 0 && broken.length === 0) return undefined
  const what = [`${gone.length} of ${resources.length} resources can't be had`]
  if (broken.length > 0) what.push(`${broken.length} ${broken.length === 1 ? "dataset" : "datasets"} can't be planned`)
  return new DatamaestroError(
    gone.length > 0 ? "DOWNLOAD_FAILED" : "BROKEN_DEFINITION",
    `Cannot confirm repository "${repository}": ${what.join(", ")}`,
    { hint: "the result says which and why: tell those who keep the repository", details: { repository } },
  )
}

function oneHost(output: string): DatamaestroError {
  return new DatamaestroError("USAGE", `Cannot write "${output}": there are several hosts, and it is one file`, {
    hint: "leave -o out: the result is then one JSON object by host",
  })
}
