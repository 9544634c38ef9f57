import { DatamaestroError, formatBytes, type Result } from "@datamaestro/protocol"
import { sanitizeText } from "../reporter/sanitize.ts"
import type { Call, Command } from "./command.ts"
import { tabLine } from "./tab-line.ts"

type Orphan = Result<"orphans/list">["orphans"][number]

export interface OrphansOptions {
  size: boolean
  /** Remove them, once the person has said so. */
  remove: boolean
  /** Without asking. */
  force: boolean
}

/** Data below the data directory that belongs to no known dataset; with `remove`, what was removed of it. */
export function orphans({ size, remove, force }: OrphansOptions): Command<Orphan[]> {
  return {
    needsRepositories: true,
    severalHosts: "lines",
    refuse({ prompter }) {
      if (force && !remove) return needless()
      return remove && !force && !prompter.available ? unasked() : undefined
    },
    async run(call) {
      const { session, signal, onProgress } = call
      const found = await session.agent.request("orphans/list", { size: size || (remove && !force) }, { signal })
      for (const { path, reason } of found.unknown) {
        onProgress({ phase: "notice", level: "warning", message: `"${path}" was not looked into: ${reason}` })
      }
      const listed = found.orphans.map(({ path, bytes }) => (size ? { path, bytes } : { path }))
      if (!remove || listed.length === 0) return listed
      if (!force && !(await agreed(found.orphans, call))) return []
      const paths = listed.map(({ path }) => path)
      const removed = new Set((await session.agent.request("orphans/remove", { paths }, { signal })).removed)
      return listed.filter(({ path }) => removed.has(path))
    },
    text: (list) =>
      list.map(({ path, bytes }) => tabLine(bytes === undefined ? [path] : [String(bytes), path])).join(""),
  }
}

async function agreed(found: readonly Orphan[], { invocation, session }: Call): Promise<boolean> {
  const bytes = found.reduce((sum, each) => sum + (each.bytes ?? 0), 0)
  const list = found.map(({ path }) => `${sanitizeText(path)}\n`).join("")
  const where = invocation.machines.length > 1 ? ` on ${session.initialized.hostname}` : ""
  const text = `${list}Remove ${found.length === 1 ? "this" : `these ${found.length}`} (${formatBytes(bytes)})${where} for ever? [y/N]`
  return /^y(es)?$/i.test((await invocation.prompter.ask({ text, hidden: false })).trim())
}

function unasked(): DatamaestroError {
  return new DatamaestroError("USAGE", "Cannot remove orphans: there is no terminal to ask on", {
    hint: "look at the list of `datamaestro orphans`, then add --force",
  })
}

function needless(): DatamaestroError {
  return new DatamaestroError("USAGE", "Cannot use --force: it is for --delete", {
    hint: "add --delete to remove the orphans, or leave --force out to list them",
  })
}
