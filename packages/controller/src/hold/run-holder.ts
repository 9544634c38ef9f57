import { writeSync } from "node:fs"
import { Holder } from "./holder.ts"
import type { HolderOptions } from "./hold-protocol.ts"

/**
 * Holds a connection, as a process of its own: what to hold comes on stdin, the socket's path goes out on stdout.
 * Ends when it has nothing to hold.
 *
 * @returns the exit status
 */
export async function runHolder(): Promise<number> {
  process.title = "datamaestro-held"
  let text = ""
  for await (const chunk of process.stdin.setEncoding("utf8")) text += String(chunk)
  const holder = new Holder(JSON.parse(text) as HolderOptions)
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => holder.end())
  // Nobody reads what it would say: a defect ends it, and the next command makes a new connection.
  process.on("uncaughtException", () => holder.end())
  process.on("unhandledRejection", () => holder.end())
  await holder.run((socket) => {
    try {
      writeSync(1, `${socket}\n`)
    } catch {
      // Whoever wanted it has gone: it ends when nobody comes.
    }
  })
  return 0
}
