import { interrupted } from "@datamaestro/protocol"
import { createHash } from "node:crypto"
import { constants, openSync, readdirSync, rmSync, statSync } from "node:fs"
import { Socket } from "node:net"
import { join } from "node:path"
import { cacheDirectory } from "../cache-directory.ts"
import { makeFolder } from "../make-folder.ts"
import { writeWhole } from "../write-whole.ts"

/** Pipes that a shell has begun to fill; of one with a name nobody knows whether anything will ever come out. */
const OF_A_SHELL = /^\/(dev|proc\/(self|\d+))\/fd\/\d+$/
/** Files of the same kind that no command has used for this long are removed, in milliseconds. */
const UNUSED = 7 * 24 * 3600_000
const MAX_BYTES = 1024 * 1024

/**
 * `-F <(command)`: a pipe can be read but once, and several read the configuration: this process, the one that holds the
 * connection, `ssh`, and whoever connects again. So what it says is kept in a private file for them, which is named
 * after its content: the next command with the same finds the held connection.
 *
 * @returns a file to read instead; the path itself where it is no pipe of a shell's, or nothing comes out of it
 * @throws DatamaestroError INTERRUPTED; and what the cache's file system says
 */
export async function configFromPipe(path: string, signal: AbortSignal): Promise<string> {
  if (!OF_A_SHELL.test(path) || statSync(path, { throwIfNoEntry: false })?.isFIFO() !== true) return path
  const content = await readPipe(path, signal)
  if (content.length === 0) return path
  const folder = join(cacheDirectory(), "ssh-config")
  makeFolder(folder)
  const file = join(folder, createHash("sha256").update(content).digest("hex").slice(0, 32))
  writeWhole(file, content)
  for (const name of readdirSync(folder)) {
    const other = join(folder, name)
    const used = statSync(other, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    if (Date.now() - used > UNUSED) rmSync(other, { force: true })
  }
  return file
}

/** Without waiting in a system call: an interruption is heard while the command at the other end takes its time. */
async function readPipe(path: string, signal: AbortSignal): Promise<Buffer> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const pipe = new Socket({ fd, readable: true, writable: false, signal })
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of pipe as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > MAX_BYTES) break
    }
  } catch (error) {
    throw signal.aborted ? interrupted() : error
  }
  return Buffer.concat(chunks)
}
