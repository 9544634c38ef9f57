import { lstatSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { basename, join } from "node:path"

/**
 * A key's name in the folder is a link to the socket of whoever holds it: replaced in one step, so that of two that
 * begin together the later one is found, and each can tell whether that is itself.
 */
export function currentSocket(folder: string, key: string): string | undefined {
  try {
    return join(folder, basename(readlinkSync(join(folder, key))))
  } catch {
    return undefined
  }
}

export function announce(folder: string, key: string, socket: string): void {
  const temporary = `${join(folder, key)}.${process.pid}.tmp`
  rmSync(temporary, { force: true })
  symlinkSync(basename(socket), temporary)
  renameSync(temporary, join(folder, key))
}

/** Takes back the name, unless another has it by now. */
export function withdraw(folder: string, key: string, socket: string): void {
  if (currentSocket(folder, key) === socket) rmSync(join(folder, key), { force: true })
  rmSync(socket, { force: true })
}

/** The keys that somebody holds, or held when he was killed. */
export function announcedKeys(folder: string): string[] {
  try {
    const links = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isSymbolicLink())
    return links.map(({ name }) => name).filter((name) => /^[0-9a-f]{16}$/.test(name))
  } catch {
    return []
  }
}

/** The sockets of killed holders: nobody listens there, and no name leads to them any more. */
export async function removeAbandoned(folder: string): Promise<void> {
  for (const name of readdirSync(folder).filter((other) => /^[0-9a-f]{16}\.[0-9a-f]{8}\.sock$/.test(other))) {
    const socket = join(folder, name)
    if (currentSocket(folder, name.slice(0, 16)) === socket) continue
    const listening = await connectTo(socket)
    listening?.destroy()
    if (listening === undefined) rmSync(socket, { force: true })
  }
}

/** @returns nothing when nobody listens there, or it belongs to another */
export async function connectTo(path: string): Promise<Socket | undefined> {
  try {
    if (lstatSync(path).uid !== process.getuid?.()) return undefined
  } catch {
    return undefined
  }
  return await new Promise((resolve) => {
    const socket = connect(path)
    socket.once("error", () => resolve(undefined))
    socket.once("connect", () => {
      socket.removeAllListeners("error")
      socket.on("error", () => undefined)
      resolve(socket)
    })
  })
}
