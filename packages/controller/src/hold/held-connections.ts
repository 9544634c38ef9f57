import { onFrames, readJson, writeFrame } from "./frames.ts"
import type { HeldStatus, HoldRequest } from "./hold-protocol.ts"
import { holdFolder } from "./hold-folder.ts"
import { announcedKeys, connectTo, currentSocket, removeAbandoned, withdraw } from "./holder-address.ts"

/** How long a holder may take to answer, in milliseconds. */
const ANSWER = 1000

export interface HeldConnectionFacts extends HeldStatus {
  /** Ends it, with the last command that uses it. */
  close(): Promise<void>
}

/** The connections that this account holds on this machine. What a killed holder left is removed on the way. */
export async function heldConnections(): Promise<HeldConnectionFacts[]> {
  const folder = holdFolder(false)
  if (folder === undefined) return []
  const found = await Promise.all(
    announcedKeys(folder).map(async (key) => {
      const socket = currentSocket(folder, key)
      const status = socket === undefined ? undefined : await ask(socket, { op: "status" })
      if (status === undefined || socket === undefined) {
        // One that hangs ends when it finds its name gone. Another may have taken the name meanwhile.
        if (socket !== undefined) withdraw(folder, key, socket)
        return []
      }
      return [{ ...status, close: async () => void (await ask(socket, { op: "close" })) }]
    }),
  )
  await removeAbandoned(folder)
  return found.flat()
}

async function ask(path: string, request: HoldRequest): Promise<HeldStatus | undefined> {
  const socket = await connectTo(path)
  if (socket === undefined) return undefined
  try {
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(undefined), ANSWER)
      socket.once("close", () => {
        clearTimeout(timer)
        resolve(undefined)
      })
      onFrames(socket, (type, content) => {
        if (type !== "status") return
        clearTimeout(timer)
        resolve(readJson(content) as HeldStatus)
      })
      writeFrame(socket, "request", request)
    })
  } finally {
    socket.destroy()
  }
}
