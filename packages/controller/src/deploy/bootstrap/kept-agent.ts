import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { writeWhole } from "../../write-whole.ts"
import { boot } from "./controller.ts"
import { cacheFolders, isPrivate, makePrivate } from "./private-folder.ts"

const HOUR = 3600_000
/** For both parts of the agent and their code caches. */
const ROOM = 4 * 1024 * 1024
const KEEP_UNUSED = 7 * 24 * HOUR

export interface Found {
  /** The cache folder; absent when nothing can be written. */
  cache: string | undefined
  source: Buffer
}

/** The agent that is wanted, if it is here and unchanged. */
export function find(): Found | undefined {
  if (boot.file !== undefined) return { cache: cacheFolders()[0], source: fs.readFileSync(boot.file) }
  for (const cache of cacheFolders()) {
    const path = join(cache, "agents", boot.hash, "agent.cjs")
    try {
      // Before anything in it is touched: what others can put there may be a pipe, which is read for ever.
      if (!isPrivate(cache)) continue
      const source = fs.readFileSync(path)
      if (sha256(source) === boot.hash) return { cache, source }
      fs.unlinkSync(path)
    } catch {
      // Not there, or not readable: the next place, or an upload, decides.
    }
  }
  return undefined
}

/** Keeps an agent for later calls. Tells the cache folder that has it now, and what stood in the way of others. */
export function store(source: Buffer): { cache: string | undefined; warnings: string[] } {
  const warnings: string[] = []
  for (const cache of cacheFolders()) {
    const folder = join(cache, "agents", boot.hash)
    try {
      makePrivate(cache)
      makePrivate(join(cache, "agents"))
      makePrivate(folder)
      const { blocks, bavail, bsize } = fs.statfsSync(folder)
      // A file system that counts none (ramfs) says that it has none.
      if (blocks > 0 && bavail * bsize < ROOM) throw new Error("no space is left")
      writeWhole(join(folder, "agent.cjs"), source)
      prune(join(cache, "agents"))
      return { cache, warnings }
    } catch (error) {
      warnings.push(`Cannot keep the agent in "${folder}": ${(error as Error).message}`)
    }
  }
  warnings.push("The agent runs from memory and is uploaded again each time")
  return { cache: undefined, warnings }
}

/** Keeps what others may be using alive: `prune` goes by this time. */
export function touch(path: string): void {
  try {
    const now = new Date()
    if (now.getTime() - fs.statSync(path).mtimeMs > HOUR) fs.utimesSync(path, now, now)
  } catch {
    // Read-only or gone: it was loaded all the same.
  }
}

/** Removes agents that nobody has used for long. */
export function prune(agents: string): void {
  for (const name of fs.readdirSync(agents)) {
    const path = join(agents, name)
    try {
      const used = fs.statSync(join(path, "agent.cjs"), { throwIfNoEntry: false }) ?? fs.statSync(path)
      if (name !== boot.hash && Date.now() - used.mtimeMs > KEEP_UNUSED) fs.rmSync(path, { recursive: true })
    } catch {
      // Somebody else removes it too.
    }
  }
}

export function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex")
}
