import { asDatamaestroError, type AgentHandlers, type Result } from "@datamaestro/protocol"
import { randomBytes } from "node:crypto"
import { lstat, mkdir, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import type { AgentSession } from "../agent-session.ts"
import { freeSpace } from "../store/free-space.ts"
import { makeFolder } from "../store/make-folder.ts"
import { storageError } from "../store/storage-error.ts"

const PROXY_VARIABLES = new Set(["http_proxy", "https_proxy", "all_proxy", "no_proxy"])

/** How the machine is: for `doctor`. */
export function machineHandlers(session: AgentSession): Pick<AgentHandlers, "machine/diagnose" | "machine/time"> {
  return {
    "machine/diagnose": async ({ url }, { signal }) => {
      const [data] = await Promise.all([diagnoseData(session), session.environmentReady()])
      const began = performance.now()
      const { reach } = await import("../fetch/reach.ts")
      const answer = await reach(url, process.env, signal)
      return { data, internet: { ...answer, milliseconds: performance.now() - began }, proxies: proxies(process.env) }
    },

    "machine/time": () => ({ time: Date.now() }),
  }
}

async function diagnoseData(session: AgentSession): Promise<Result<"machine/diagnose">["data"]> {
  const path = session.paths.data
  const looked = await nearestFolder(path)
  const about = { exists: looked === path, looked }
  const trial = join(looked, `.datamaestro-trial-${randomBytes(6).toString("hex")}`)
  let failure: { code: string; message: string; hint?: string } | undefined
  try {
    await makeFolder(looked)
    await mkdir(trial, { mode: 0o700 })
    await writeFile(join(trial, "file"), Buffer.alloc(4096))
    // Every command reads them.
    await session.settings()
  } catch (error) {
    const { code, message, hint } = asDatamaestroError(storageError(error, `write to "${looked}"`))
    failure = { code, message, ...(hint === undefined ? {} : { hint }) }
  } finally {
    await rm(trial, { recursive: true, force: true }).catch(() => {})
  }
  const { bytes, files } = (await freeSpace(looked)) ?? { bytes: Infinity, files: Infinity }
  return {
    ...about,
    // btrfs and network file systems may count no inodes at all.
    ...(Number.isFinite(bytes) ? { freeBytes: bytes } : {}),
    ...(Number.isFinite(files) ? { freeInodes: files } : {}),
    ...(failure === undefined ? {} : { failure }),
  }
}

/** That, or what is in its way: a file, or a link to nowhere. */
async function nearestFolder(path: string): Promise<string> {
  const found = await lstat(path).catch(() => undefined)
  return found !== undefined || dirname(path) === path ? path : await nearestFolder(dirname(path))
}

function proxies(environment: NodeJS.ProcessEnv): Record<string, string> {
  const named = Object.entries(environment).filter(([name]) => PROXY_VARIABLES.has(name.toLowerCase()))
  return Object.fromEntries(named.map(([name, value = ""]) => [name, value.replace(/\/\/[^/@]*@/g, "//***@")]))
}
