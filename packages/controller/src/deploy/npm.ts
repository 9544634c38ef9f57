import { DatamaestroError } from "@datamaestro/protocol"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { unstarted } from "../child-process.ts"
import { limitHintHere } from "../limit-hint.ts"

export interface PublishedVersion {
  version: string
  /** As Subresource Integrity writes it: `sha512-…`. */
  integrity: string
}

/**
 * The newest version of a package within a range, by the person's own npm: its registry, log-in, proxy and
 * certificates are those that npm is configured with.
 *
 * @throws DatamaestroError DOWNLOAD_FAILED
 */
export async function newestVersion(
  { name, range }: { name: string; range: string },
  options: NpmOptions,
): Promise<PublishedVersion> {
  const output = await runNpm(["view", `${name}@${range}`, "version", "dist.integrity", "--json"], options)
  const versions = parseVersions(output).toSorted((a, b) => compare(a.version, b.version))
  const newest = versions.at(-1)
  if (newest !== undefined) return newest
  throw new DatamaestroError("DOWNLOAD_FAILED", `Cannot find "${name}@${range}": the registry has no such version`, {
    hint: "check which registry npm is configured with: npm config get registry",
    details: { package: name, range },
  })
}

/** Downloads the package's archive into a folder. */
export async function fetchPackage(name: string, version: string, folder: string, options: NpmOptions): Promise<void> {
  await runNpm(["pack", `${name}@${version}`, "--pack-destination", folder, "--ignore-scripts"], options)
}

interface NpmOptions {
  /** Where npm runs: a configuration of a project that happens to lie around is not meant. */
  folder: string
  signal?: AbortSignal | undefined
}

async function runNpm(args: readonly string[], { folder, signal }: NpmOptions): Promise<string> {
  const [program, ...first] = npmCommand()
  const child = spawn(program, [...first, ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    windowsHide: true,
    ...(signal === undefined ? {} : { signal }),
  })
  const failed = unstarted(child)
  if (failed !== undefined) throw notStarted(args, await failed)
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-16_384)))
  let code: number | null
  try {
    ;[code] = (await once(child, "close")) as [number | null]
  } catch (cause) {
    if (signal?.aborted === true) throw new DatamaestroError("INTERRUPTED", "Interrupted", { cause })
    throw notStarted(args, cause)
  }
  if (code !== 0) throw failure(args, reasonIn(stderr))
  return stdout
}

/** The npm that the person would call, else the one beside this Node. */
function npmCommand(): [string, ...string[]] {
  const bin = dirname(process.execPath)
  const scripts = [join(bin, "node_modules/npm/bin/npm-cli.js"), join(bin, "../lib/node_modules/npm/bin/npm-cli.js")]
  const folders = (process.env["PATH"] ?? "").split(process.platform === "win32" ? ";" : ":")
  if (process.platform !== "win32" && folders.some((folder) => existsSync(join(folder, "npm")))) return ["npm"]
  const script = scripts.find((path) => existsSync(path))
  return script === undefined ? ["npm"] : [process.execPath, script]
}

function parseVersions(output: string): PublishedVersion[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(output)
  } catch {
    return []
  }
  return (Array.isArray(parsed) ? parsed : [parsed]).flatMap((each: unknown) => {
    if (typeof each !== "object" || each === null) return []
    const { version, "dist.integrity": integrity } = each as Record<string, unknown>
    return typeof version === "string" && typeof integrity === "string" ? [{ version, integrity }] : []
  })
}

function compare(a: string, b: string): number {
  const [one, other] = [a, b].map((version) => version.split(/[.-]/).map(Number))
  for (const index of [0, 1, 2]) {
    const difference = (one?.[index] ?? 0) - (other?.[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** npm's own words, without its prefixes and its log file. */
function reasonIn(stderr: string): string {
  const lines = stderr
    .split("\n")
    .flatMap((line) => /^npm (?:error|ERR!) (?!code|A complete log|\s*$)(.*)$/.exec(line)?.[1] ?? [])
  return lines.slice(0, 2).join("; ") || "npm did not say why"
}

function notStarted(args: readonly string[], cause: unknown): DatamaestroError {
  return failure(args, cause instanceof Error ? cause.message : String(cause), cause)
}

function failure(args: readonly string[], reason: string, cause?: unknown): DatamaestroError {
  return new DatamaestroError(
    "DOWNLOAD_FAILED",
    `Cannot fetch a Node: "npm ${args.slice(0, 2).join(" ")}" failed: ${reason}`,
    {
      hint:
        limitHintHere(cause) ??
        "check that npm works here and reaches its registry (npm ping), or install Node on the data machine and name it with --node PATH",
      cause,
    },
  )
}
