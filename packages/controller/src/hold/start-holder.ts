import { join } from "node:path"
import { childProcess, unstarted } from "../child-process.ts"
import { packageFolder } from "../deploy/package-folder.ts"
import { HOLDER_ARGUMENT, type HolderOptions } from "./hold-protocol.ts"

/** How long a start of Node may take on a busy machine, in milliseconds. */
const START = 5000

/**
 * Starts a process in the background that will hold a connection. It keeps neither the terminal nor a stream of this
 * process.
 *
 * @returns where it can be reached; nothing when it can't be started
 */
export async function startHolder(options: HolderOptions): Promise<string | undefined> {
  const launcher = join(packageFolder(), "bin", "datamaestro.js")
  const child = childProcess().spawn(process.execPath, [launcher, HOLDER_ARGUMENT], {
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
  })
  const failed = unstarted(child)
  if (failed !== undefined) return void (await failed)
  child.stdin.on("error", () => undefined)
  child.stdin.end(JSON.stringify(options))
  try {
    return await new Promise<string | undefined>((resolve) => {
      let said = ""
      const timer = setTimeout(() => {
        child.kill()
        resolve(undefined)
      }, START)
      const settle = (path?: string): void => {
        clearTimeout(timer)
        resolve(path)
      }
      child.once("error", () => settle())
      child.once("exit", () => settle())
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        said += text
        const end = said.indexOf("\n")
        if (end >= 0) settle(said.slice(0, end))
      })
    })
  } finally {
    child.stdout.destroy()
    child.unref()
  }
}
