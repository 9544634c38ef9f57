import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import { spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { unstarted } from "../child-process.ts"
import { TextTail } from "../deploy/text-tail.ts"
import { limitHintHere } from "../limit-hint.ts"

/** Of what a compiler says, in bytes. */
const MOST_OUTPUT = 4000

/**
 * Compiles a package as its author does: by its script `build`, else by its own `tsc`.
 *
 * @returns false when it has neither
 * @throws DatamaestroError BROKEN_REPOSITORY with what the compiler said, INTERRUPTED
 */
export async function buildPackage(folder: string, signal: AbortSignal): Promise<boolean> {
  const command = commandFor(folder)
  if (command === undefined) return false
  const { status, output } = await run(command, folder, signal).catch((error: unknown) => {
    throw signal.aborted ? interrupted() : notStarted(folder, command[0], error)
  })
  if (signal.aborted) throw interrupted()
  if (status === 0) return true
  throw new DatamaestroError("BROKEN_REPOSITORY", `Cannot build "${folder}": ${command.join(" ")} failed`, {
    hint: `correct what it reports, then build again: ${output.trim()}`,
    details: { path: folder },
  })
}

function commandFor(folder: string): [string, ...string[]] | undefined {
  const { scripts } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    scripts?: { build?: unknown }
  }
  if (typeof scripts?.build === "string") return ["npm", "run", "--silent", "build"]
  const tsc = nearest(folder)
  const configuration = join(folder, "tsconfig.json")
  if (tsc === undefined || !existsSync(configuration)) return undefined
  // A project that refers to others must be built as such.
  const refers = /"references"|"composite"/.test(readFileSync(configuration, "utf8"))
  return [process.execPath, tsc, refers ? "-b" : "-p", folder]
}

function nearest(folder: string): string | undefined {
  const tsc = join(folder, "node_modules", "typescript", "bin", "tsc")
  if (existsSync(tsc)) return tsc
  return dirname(folder) === folder ? undefined : nearest(dirname(folder))
}

async function run([program, ...args]: readonly [string, ...string[]], folder: string, signal: AbortSignal) {
  const child = spawn(program, args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32",
    signal,
  })
  const failed = unstarted(child)
  if (failed !== undefined) throw await failed
  const output = new TextTail(MOST_OUTPUT)
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk))
  child.stderr.on("data", (chunk: Buffer) => output.push(chunk))
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", resolve)
  })
  return { status, output: output.text }
}

function notStarted(folder: string, program: string, cause: unknown): DatamaestroError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new DatamaestroError("BROKEN_REPOSITORY", `Cannot build "${folder}": ${program} can't be started: ${reason}`, {
    hint: limitHintHere(cause) ?? `see whether ${program} works here, then build again`,
    details: { path: folder },
    cause,
  })
}
