import { DatamaestroError } from "@datamaestro/protocol"
import { childProcess } from "../child-process.ts"
import { takeEarlyAgent } from "./early-agent.ts"
import type { Channel, ChannelEnd } from "./transport.ts"

/** How long a program that was let go is heard, in milliseconds: one of ours ends within 2 s, or says nothing more. */
const LAST_WORDS = 3000

export interface LocalChannel extends Channel {
  /** Ends the program, with what it started, at once: for one that does not heed the end of its stdin. */
  kill(): void
}

/**
 * Starts a program of this machine and speaks to it as to a remote one.
 *
 * It gets a process group of its own: Ctrl-C on the terminal reaches only the controller, which cancels through the
 * protocol, and the agent can end its children as a group. It ends when its stdin does, so also with a killed controller.
 *
 * @throws DatamaestroError AGENT_DIED when it can't be started
 */
export async function spawnLocal(program: string, args: readonly string[]): Promise<LocalChannel> {
  const posix = process.platform !== "win32"
  const early = takeEarlyAgent(program, args)
  const child =
    early ??
    childProcess().spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], detached: posix, windowsHide: true })
  const ended = new Promise<ChannelEnd>((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal }))
    child.on("error", () => {})
  })
  await new Promise<void>((resolve, reject) => {
    if (early !== undefined) return resolve()
    child.once("spawn", resolve)
    child.once("error", (error) =>
      reject(new DatamaestroError("AGENT_DIED", `Cannot start "${program}": ${error.message}`, { cause: error })),
    )
  })
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    kill: () => {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
      try {
        process.kill(posix ? -child.pid : child.pid, "SIGKILL")
      } catch {
        // It has just ended.
      }
    },
    close: () => {
      child.stdin.end()
      // What it still says is read and dropped, so that it is not held up, and so is this process's end by nothing.
      child.stdout.resume()
      child.stderr.resume()
      // That nobody hears it any more tells its watch on endless code that it is alone.
      const timer = setTimeout(() => {
        child.stdout.destroy()
        child.stderr.destroy()
      }, LAST_WORDS)
      timer.unref()
      void ended.then(() => clearTimeout(timer))
    },
  }
}
