/** The first thing that runs on the data machine, from the command line itself: finds or receives the agent, and becomes it. */
import * as fs from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { isatty } from "node:tty"
import { brotliDecompressSync } from "node:zlib"
import { BOOT_MAGIC, OLDEST_NODE, STREAM_LOST } from "./boot-protocol.ts"
import { compile, type Compiled } from "./bootstrap/compile.ts"
import { boot, fail, say } from "./bootstrap/controller.ts"
import { find, sha256, store, touch, type Found } from "./bootstrap/kept-agent.ts"
import { heedLimitedAddresses } from "./bootstrap/limited-addresses.ts"
import { receive } from "./bootstrap/receive.ts"

const MAX_AGENT_BYTES = 64 * 1024 * 1024

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
  const { cache, warnings } = store(source)
  say({ type: "stored", ...(cache === undefined ? {} : { folder: cache }), warnings })
  run({ cache, source }, true)
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

/** A start-up file that closes the input or output, or leads it elsewhere, leaves nobody who speaks to us or hears us. */
function requireStream(descriptor: number, name: string): void {
  const stream = fs.fstatSync(descriptor)
  if (stream.isFIFO() || stream.isSocket() || isatty(descriptor)) return
  fs.writeSync(2, `${STREAM_LOST}${name}, or leads it elsewhere (exec)\n`)
  process.exit(1)
}

function start(): void {
  requireStream(0, "input")
  requireStream(1, "output")
  heedLimitedAddresses()
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
