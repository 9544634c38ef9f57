/** The first thing that runs on the data machine, from the command line itself: finds or receives the agent, and becomes it. */
import { createHash, randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { homedir, tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { Script, constants } from "node:vm"
import { brotliDecompressSync } from "node:zlib"
import { BOOT_MAGIC, OLDEST_NODE, UPLOAD_PREFIX, type BootArguments, type BootLine } from "./boot-protocol.ts"

const MAX_AGENT_BYTES = 64 * 1024 * 1024
const MAX_KEPT_BYTES = 4 * 1024 * 1024
const HOUR = 3600_000
/** For both parts of the agent and their code caches. */
const ROOM = 4 * 1024 * 1024
const KEEP_UNUSED = 7 * 24 * HOUR

const boot = JSON.parse(Buffer.from(process.argv[1] ?? "", "base64").toString()) as BootArguments
const warnings: string[] = []

function say(line: BootLine, prefix = ""): void {
  fs.writeSync(1, `${prefix}${JSON.stringify(line)}\n`)
}

function fail(code: "NO_NODE" | "DEPLOY_FAILED", message: string, hint: string): never {
  say({ type: "failed", code, message, hint })
  process.exit(1)
}

/** Ours alone: a folder that others can write must not hold what we run. */
function isPrivate(folder: string): boolean {
  const stat = fs.lstatSync(folder, { throwIfNoEntry: false })
  if (stat === undefined || !stat.isDirectory()) return false
  if (process.getuid === undefined) return true
  if (stat.uid !== process.getuid()) return false
  if ((stat.mode & 0o077) === 0) return true
  fs.chmodSync(folder, 0o700)
  // What of repositories others can have put there would run as ours; where it can't be removed, the folder stays as it was.
  try {
    if ((stat.mode & 0o022) !== 0) fs.rmSync(join(folder, "packs"), { recursive: true, force: true })
  } catch (error) {
    fs.chmodSync(folder, stat.mode)
    throw error
  }
  return true
}

function makePrivate(folder: string): void {
  if (!fs.existsSync(folder)) {
    fs.mkdirSync(dirname(folder), { recursive: true, mode: 0o700 })
    try {
      fs.mkdirSync(folder, { mode: 0o700 })
      fs.chmodSync(folder, 0o700)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    }
  }
  if (!isPrivate(folder)) throw new Error("it belongs to somebody else, or is no folder")
}

/** Where uploads may lie, the first that works is taken: the home's cache, then private temporary folders. */
function cacheFolders(): string[] {
  const name = `datamaestro-${process.getuid?.() ?? "user"}`
  const folders = [join(homedir(), ".cache", "datamaestro")]
  for (const parent of new Set([process.env["XDG_RUNTIME_DIR"], tmpdir(), "/var/tmp", "/dev/shm"])) {
    if (parent !== undefined && parent !== "") folders.push(join(parent, name))
  }
  return folders
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex")
}

interface Found {
  /** The cache folder; absent when nothing can be written. */
  cache: string | undefined
  source: Buffer
}

function find(): Found | undefined {
  if (boot.file !== undefined) return { cache: cacheFolders()[0], source: fs.readFileSync(boot.file) }
  for (const cache of cacheFolders()) {
    const path = join(cache, "agents", boot.hash, "agent.cjs")
    try {
      const source = fs.readFileSync(path)
      if (!isPrivate(cache)) continue
      if (sha256(source) === boot.hash) return { cache, source }
      fs.unlinkSync(path)
    } catch {
      // Not there, or not readable: the next place, or an upload, decides.
    }
  }
  return undefined
}

/** Keeps what others may be using alive: `prune` goes by this time. */
function touch(path: string): void {
  try {
    const now = new Date()
    if (now.getTime() - fs.statSync(path).mtimeMs > HOUR) fs.utimesSync(path, now, now)
  } catch {
    // Read-only or gone: it was loaded all the same.
  }
}

function prune(agents: string): void {
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

/** A whole file or none, for any number of writers at once. What a power failure takes of it is noticed by its hash. */
function writeWhole(path: string, data: Buffer): void {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`
  try {
    fs.writeFileSync(temporary, data, { flag: "wx", mode: 0o600 })
    fs.renameSync(temporary, path)
  } catch (error) {
    fs.rmSync(temporary, { force: true })
    throw error
  }
}

function store(source: Buffer): string | undefined {
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
      return cache
    } catch (error) {
      warnings.push(`Cannot keep the agent in "${folder}": ${(error as Error).message}`)
    }
  }
  warnings.push("The agent runs from memory and is uploaded again each time")
  return undefined
}

/** Reads stdin up to the end of the upload; other lines, and what follows, stay there for the agent. */
function receive(done: (compressed: Buffer) => void): void {
  const kept: Buffer[] = []
  let pending: Buffer = Buffer.alloc(0)
  let keptBytes = 0
  let wanted: number | undefined
  const chunks: Buffer[] = []
  let got = 0
  const onEnd = (): void => process.exit(1)
  const onData = (chunk: Buffer): void => {
    if (wanted === undefined) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      for (let end = pending.indexOf(10); end !== -1 && wanted === undefined; end = pending.indexOf(10)) {
        const line = pending.subarray(0, end + 1)
        pending = pending.subarray(end + 1)
        const text = line.toString("utf8", 0, Math.min(line.length, 200))
        if (text.startsWith(UPLOAD_PREFIX)) {
          wanted = (JSON.parse(text.slice(UPLOAD_PREFIX.length)) as { bytes: number }).bytes
        } else {
          kept.push(line)
          keptBytes += line.length
        }
      }
      if (keptBytes + pending.length > MAX_KEPT_BYTES && wanted === undefined) process.exit(1)
      if (wanted === undefined) return
      chunk = pending
    }
    chunks.push(chunk)
    got += chunk.length
    if (got < wanted) return
    process.stdin.pause()
    process.stdin.off("data", onData).off("end", onEnd)
    const all = Buffer.concat(chunks)
    const rest = Buffer.concat([...kept, all.subarray(wanted)])
    if (rest.length > 0) process.stdin.unshift(rest)
    done(all.subarray(0, wanted))
  }
  process.stdin.on("data", onData).on("end", onEnd)
}

function accept(compressed: Buffer): void {
  let source: Buffer
  try {
    source = brotliDecompressSync(compressed, { maxOutputLength: MAX_AGENT_BYTES })
  } catch (error) {
    fail("DEPLOY_FAILED", `Cannot unpack the uploaded agent: ${(error as Error).message}`, "run the same command again")
  }
  if (sha256(source) !== boot.hash) {
    fail(
      "DEPLOY_FAILED",
      "Cannot use the uploaded agent: its hash differs from the one announced",
      "run the same command again",
    )
  }
  const cache = store(source)
  say({ type: "stored", ...(cache === undefined ? {} : { folder: cache }), warnings })
  run({ cache, source }, true)
}

/** How much of the code had run when it was kept: as many digits before it. */
const WEIGHT = 4

interface Compiled {
  exports: { runAgent?: (host: object) => void }
  /** Keeps V8's code, unless what is there is good and of a run that used as much. */
  keep(loaded: number): void
}

/** Written by us, and by nobody else: a folder that is private now may have been open to others before. */
function isOwn(path: string): boolean {
  const { uid, mode } = fs.lstatSync(path)
  return process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0)
}

/** V8's code cache is machine code: it is taken only from a private folder, a file of ours, with the hash written before it. */
function compile(source: Buffer, path: string, folder: string | undefined): Compiled {
  const codePath =
    folder === undefined ? undefined : join(folder, `code-${basename(path)}-${process.version}-${process.arch}.bin`)
  let cached: Buffer | undefined
  let weight = -1
  try {
    if (codePath !== undefined && folder !== undefined && isPrivate(join(folder, "../..")) && isOwn(codePath)) {
      const bytes = fs.readFileSync(codePath)
      if (sha256(bytes.subarray(64)) === bytes.toString("latin1", 0, 64)) {
        cached = bytes.subarray(64 + WEIGHT)
        weight = Number(bytes.toString("latin1", 64, 64 + WEIGHT))
      }
    }
  } catch {
    // It was never kept, or is no good.
  }
  const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source.toString()}\n})`, {
    filename: path,
    ...(cached === undefined ? {} : { cachedData: cached }),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  })
  const module = { exports: {} }
  const load = script.runInThisContext() as (...parts: unknown[]) => void
  load(module.exports, require, module, path, dirname(path))
  return {
    exports: module.exports,
    keep(loaded) {
      if (codePath === undefined || folder === undefined) return
      if (script.cachedDataRejected !== true && loaded <= weight) return
      makePrivate(join(folder, "../.."))
      makePrivate(join(folder, ".."))
      makePrivate(folder)
      const data = Buffer.concat([Buffer.from(String(loaded).padStart(WEIGHT, "0")), script.createCachedData()])
      writeWhole(codePath, Buffer.concat([Buffer.from(sha256(data), "latin1"), data]))
      prune(join(folder, ".."))
    },
  }
}

function run(found: Found, restComing: boolean): void {
  const folder = found.cache === undefined ? undefined : join(found.cache, "agents", boot.hash)
  const agentFile = folder === undefined || boot.file !== undefined ? undefined : join(folder, "agent.cjs")
  const parts: Compiled[] = []
  const load = (source: Buffer, path: string): Compiled["exports"] => {
    const part = compile(source, path, folder)
    parts.push(part)
    return part.exports
  }
  let agent: Compiled["exports"]
  const path = boot.file ?? join(folder ?? homedir(), "agent.cjs")
  try {
    agent = load(found.source, path)
  } catch (error) {
    // Node would show the line it happened on, which holds the whole minified agent.
    process.stderr.write(`${(error as Error).stack}\n`)
    process.exit(1)
  }
  if (agentFile !== undefined) touch(agentFile)
  agent.runAgent?.({
    loginShell: boot.login,
    cacheFolder: found.cache,
    file: boot.file ?? agentFile,
    restComing,
    compile: (source: Buffer, name: string) => load(source, join(dirname(path), name)),
    stillUsed: () => {
      if (agentFile !== undefined) touch(agentFile)
    },
    storeCodeCache: (loaded: number) => {
      try {
        for (const part of parts) part.keep(loaded)
      } catch {
        // A cache is only a cache.
      }
    },
  })
}

function suits(): boolean {
  const found = process.versions.node.split(".").map(Number)
  for (const [index, wanted] of OLDEST_NODE.entries()) {
    const part = found[index] ?? 0
    if (part !== wanted) return part > wanted
  }
  return true
}

function start(): void {
  const { platform, arch, version: node, execPath } = process
  const found = suits() ? find() : undefined
  const state = boot.push ? "pushed" : found === undefined ? "missing" : "present"
  const leftOut = process.env["DATAMAESTRO_LEFT_OUT"]
  say({ type: "hello", state, platform, arch, node, execPath, home: homedir(), leftOut }, `\n${BOOT_MAGIC}\n`)
  if (!suits()) {
    const oldest = OLDEST_NODE.join(".")
    fail(
      "NO_NODE",
      `Cannot run the agent with Node ${node} ("${execPath}"): Node ${oldest} or newer is needed`,
      "name a newer one with --node PATH",
    )
  }
  if (boot.push) {
    receive((compressed) => (found === undefined ? accept(compressed) : run(found, true)))
    return
  }
  if (found === undefined) receive(accept)
  else run(found, false)
}

start()
