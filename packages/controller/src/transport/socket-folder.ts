import { DatamaestroError } from "@datamaestro/protocol"
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { systemReason } from "../system-reason.ts"

const PREFIX = "datamaestro-ssh-"
/** What a socket's path may have (104 on macOS and the BSDs), less the name of ours and what ssh appends to it. */
const LONGEST_PARENT = 103 - `/${PREFIX}123456/s.0123456789abcdef`.length
/** When a folder in which nobody listens was left by one that was killed, in milliseconds: none is that slow to begin. */
const ABANDONED = 60 * 60_000

/**
 * A folder that only this account can enter, for the sockets of `ssh` and of its questions: `s` and `a`. What killed
 * processes left of such is removed on the way.
 *
 * @throws DatamaestroError of the storage kind
 */
export async function makeSocketFolder(): Promise<string> {
  let refused: unknown
  for (const parent of new Set([tmpdir(), "/tmp", "/dev/shm"])) {
    if (parent.length > LONGEST_PARENT) continue
    try {
      const folder = await mkdtemp(join(parent, PREFIX))
      await removeAbandoned(parent)
      return folder
    } catch (error) {
      refused = error
    }
  }
  const { code, reason } = systemReason(refused)
  throw new DatamaestroError(code, `Cannot make a folder for the sockets of ssh below "${tmpdir()}": ${reason}`, {
    hint: "set TMPDIR to a folder that you can write to, or leave --transport openssh out",
    details: { path: tmpdir() },
    cause: refused,
  })
}

async function removeAbandoned(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => [])
  for (const name of names.filter((other) => other.startsWith(PREFIX))) {
    const folder = join(parent, name)
    const found = await lstat(folder).catch(() => undefined)
    if (found?.isDirectory() !== true || found.uid !== process.getuid?.()) continue
    if (Date.now() - found.mtimeMs < ABANDONED) continue
    const listening = await Promise.all(["s", "a"].map((socket) => isListening(join(folder, socket))))
    if (!listening.includes(true)) await rm(folder, { recursive: true, force: true }).catch(() => undefined)
  }
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })
}
