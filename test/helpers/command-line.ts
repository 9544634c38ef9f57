import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

export const LAUNCHER = fileURLToPath(new URL("../../packages/controller/bin/datamaestro.js", import.meta.url))

export interface CommandRun {
  status: number | null
  stdout: string
  stderr: string
}

export interface CommandOptions {
  env?: NodeJS.ProcessEnv
  /** The folder that it is typed in. */
  cwd?: string
  /** In a session of its own, without the terminal that the tests may have. */
  detached?: boolean
  /** Given, at the start, what sends a signal. */
  onStart?: (kill: (signal: NodeJS.Signals) => void) => void
  /** A signal that is sent once stderr says something. */
  signalWhen?: { said: RegExp; signal: NodeJS.Signals }
}

/** Runs the built `datamaestro` without a terminal. */
export async function datamaestro(args: readonly string[], options: CommandOptions = {}): Promise<CommandRun> {
  const child = spawn(process.execPath, [LAUNCHER, ...args], {
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
    detached: options.detached ?? false,
    stdio: ["ignore", "pipe", "pipe"],
  })
  let stdout = ""
  let stderr = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  let { signalWhen } = options
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
    if (signalWhen?.said.test(stderr) !== true) return
    child.kill(signalWhen.signal)
    signalWhen = undefined
  })
  options.onStart?.((signal) => child.kill(signal))
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", resolve)
  })
  return { status, stdout, stderr }
}
