import { once } from "node:events"
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { Bzip2Ends } from "./bzip2-ends.ts"
import { corruptArchive, truncatedArchive, unsupportedCompression } from "./damaged-archive.ts"
import type { DecompressOptions, ByProgram } from "./decompress.ts"

/** The data machine's own programs, the faster one first; each reads stdin and writes stdout. */
const PROGRAMS = {
  bzip2: [
    ["lbzip2", "-dc"],
    ["bzip2", "-dc"],
  ],
  xz: [["xz", "-dc", "--threads=0"]],
  zstd: [["zstd", "-dc", "--long=31"]],
  // BusyBox and some BSDs have it under the second name only.
  compress: [
    ["gzip", "-dc"],
    ["uncompress", "-c"],
  ],
  lz4: [["lz4", "-dc"]],
  lzip: [["lzip", "-dc", "--trailing-error"]],
  lzop: [["lzop", "-dc"]],
} as const satisfies Record<ByProgram, readonly (readonly [program: string, ...args: string[]])[]>

const STDERR_BYTES = 2000

/** A running program of the data machine that decompresses. */
export type Decompressor = ChildProcessWithoutNullStreams

/**
 * Decompresses by a program of the data machine.
 *
 * @throws DatamaestroError TRUNCATED or CORRUPT when it fails
 */
export async function* runDecompressor(
  child: Decompressor,
  source: AsyncIterable<Uint8Array>,
  { archive, signal }: DecompressOptions,
): AsyncGenerator<Buffer> {
  let stderr = ""
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr = (stderr + text).slice(-STDERR_BYTES)))
  const ended = new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? -1)))
  const stop = new AbortController()
  const ends = child.spawnfile.endsWith("bzip2") ? new Bzip2Ends() : undefined
  const bytes = ends?.watch(source) ?? source
  const feeding = pipeline(Readable.from(bytes, { objectMode: true, highWaterMark: 1 }), child.stdin, {
    signal: AbortSignal.any([signal, stop.signal]),
  }).then(
    () => undefined,
    (error: unknown) => error,
  )
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) yield chunk
    const status = await ended
    const fed = await feeding
    signal.throwIfAborted()
    const fault = fed === undefined ? ends?.fault : undefined
    if (fault === "more") throw corruptArchive(archive, "there is something else after its compressed data")
    // Its own complaint says more than the broken pipe that follows from it.
    if (status !== 0) throw programError(archive, child.spawnfile, status, stderr.trim(), fault === "cut")
    if (fault === "cut") throw truncatedArchive(archive, "the compressed data ends too early")
    if (fed !== undefined) throw fed
  } finally {
    stop.abort()
    child.kill("SIGKILL")
    await ended
    await feeding
  }
}

/** Starts the first program for it that the data machine has; undefined when it has none, or can start none. */
export async function startDecompressor(compression: ByProgram): Promise<Decompressor | undefined> {
  for (const [program, ...args] of PROGRAMS[compression]) {
    if (program === "xz" && !(await isXzUtils(program))) continue
    try {
      const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] })
      await once(child, "spawn")
      return child
    } catch {
      // Not there, not for us, or one process or file too many for the account: there are other ways.
    }
  }
  return undefined
}

/** Of a format that only programs unpack. */
export function needsProgram(archive: string, compression: ByProgram): Error {
  const [program] = PROGRAMS[compression][0]
  return unsupportedCompression(archive, `it is compressed with ${compression}, and "${program}" is not there`, program)
}

/** BusyBox's xz (Alpine) is another: it knows no options, and does not check the CRC-64 that most files have. */
async function isXzUtils(program: string): Promise<boolean> {
  const child = spawn(program, ["--threads=0", "--version"], { stdio: "ignore" })
  return await new Promise((resolve) => {
    child.once("close", (code) => resolve(code === 0))
    child.once("error", () => resolve(false))
  })
}

/** @param cut all bytes were read, and their end is none of the format's */
function programError(archive: string, program: string, status: number, stderr: string, cut: boolean): Error {
  const reason = stderr.split("\n")[0] ?? ""
  const said = reason === "" ? `${program} ended with status ${status}` : reason
  if (cut || /unexpected end|premature|truncated|ends unexpectedly|unfinished stream|read error.*eof/i.test(stderr)) {
    return truncatedArchive(archive, `the compressed data ends too early (${said})`)
  }
  return corruptArchive(archive, `the compressed data is damaged (${said})`)
}
