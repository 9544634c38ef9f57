import { spawn, type SpawnOptionsWithStdioTuple, type StdioNull, type StdioPipe } from "node:child_process"
import { randomBytes } from "node:crypto"
import { userInfo } from "node:os"
import { basename } from "node:path"

const TIMEOUT = 10_000
/** The environment comes last, so of a shell that prints more than this only the end is kept. */
const MAX_OUTPUT = 4 * 1024 * 1024
/** Lines for start-up files that ask something. */
const SACRIFICE = "\n".repeat(8)

export interface LoginEnvironment {
  /** What the login shell exports; absent when it could not be asked. */
  variables: Record<string, string> | undefined
  /** Why not. */
  warning: string | undefined
}

export interface LoginEnvironmentOptions {
  /** The account's shell, absolute; by default as the system's user database says. */
  shell?: string | null | undefined
  /** In milliseconds; 10 s by default. */
  timeout?: number | undefined
}

/**
 * Asks the account's shell, started as a login shell, for its environment. Takes at most the time given; what the
 * shell's start-up files print is skipped, what they ask finds no answer.
 *
 * A leading dash in the name it is started under makes every shell a login shell, csh too, which takes `-l` only alone.
 */
export async function readLoginEnvironment(options: LoginEnvironmentOptions = {}): Promise<LoginEnvironment> {
  const shell = options.shell === undefined ? accountShell() : options.shell
  if (shell === null || shell === "" || /^(nologin|false|true)$/.test(basename(shell))) {
    return { variables: undefined, warning: `The account has no login shell to ask for its environment` }
  }
  const mark = `@@${randomBytes(8).toString("hex")}`
  // `env -0` is missing on old systems; plain `env` can't tell a line end inside a value, and serves there.
  // By its path, since start-up files may lose PATH.
  const command = `echo ${mark}a; /usr/bin/env -0; echo ${mark}b; /usr/bin/env; echo ${mark}c`
  const timeout = options.timeout ?? TIMEOUT
  let output = await run(shell, { command, end: `${mark}c`, timeout })
  let variables = parse(output.text ?? "", mark)
  if (variables === undefined && output.text !== undefined) {
    // Where no other login shell may be chosen, start-up files put one in its place (`exec zsh -l`): that reads its input.
    output = await run(shell, { input: `${SACRIFICE}${command}\n`, end: `${mark}c`, timeout })
    variables = parse(output.text ?? "", mark)
  }
  if (variables !== undefined) return { variables, warning: undefined }
  const reason = output.reason ?? "it did not print its environment"
  const lost = "DATAMAESTRO_DIR, proxies and tokens that it may export don't count"
  const warning = `Cannot ask the login shell "${shell}" for its environment: ${reason}; ${lost}`
  return { variables: undefined, warning }
}

function accountShell(): string | null {
  try {
    return userInfo().shell
  } catch {
    // An account that the user database doesn't know, as in some containers.
    return process.env["SHELL"] ?? null
  }
}

interface Output {
  text?: string
  reason?: string
}

interface Run {
  /** What it is to do, as an argument, or as its input. */
  command?: string
  input?: string
  /** Begins the last line that is waited for. */
  end: string
  timeout: number
}

function run(shell: string, { command, input, end, timeout }: Run): Promise<Output> {
  return new Promise((resolve) => {
    const options: SpawnOptionsWithStdioTuple<StdioNull, StdioPipe, StdioNull> = {
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
    }
    const child =
      input === undefined
        ? spawn(shell, ["-c", command ?? ""], { ...options, argv0: `-${basename(shell)}` })
        : // By a pipe of the shell's: those of Node are sockets, which fish takes for a folder.
          spawn("/bin/sh", ["-c", 'printf %s "$1" | "$0" -l', shell, input], options)
    // Where no more files may be opened Node makes no pipe either, whatever its types say; it tells in a moment.
    if ((child.stdout as typeof child.stdout | undefined) === undefined) {
      child.once("error", (error) => resolve({ reason: error.message }))
      return
    }
    let chunks: Buffer[] = []
    let size = 0
    // As its terminal's end would be: an agent that needed no answer leaves no start-up files hanging.
    const hangUp = (): void => killGroup(child.pid, "SIGHUP")
    process.once("exit", hangUp)
    const finish = (output: Output): void => {
      clearTimeout(timer)
      process.off("exit", hangUp)
      child.stdout.removeAllListeners()
      child.removeAllListeners()
      child.on("error", () => {})
      // A daemon that the start-up files left behind may hold the pipe open.
      child.stdout.destroy()
      child.unref()
      resolve(output)
    }
    const text = (): string => Buffer.concat(chunks).toString("utf8")
    const timer = setTimeout(() => {
      killGroup(child.pid, "SIGKILL")
      finish({ reason: `its start-up files took longer than ${Math.round(timeout / 1000)} s` })
    }, timeout)
    child.on("error", (error) => finish({ reason: error.message }))
    child.on("close", () => finish({ text: text() }))
    child.stdout.on("data", (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size > 2 * MAX_OUTPUT) {
        chunks = [Buffer.concat(chunks).subarray(-MAX_OUTPUT)]
        size = MAX_OUTPUT
      }
      const tail = Buffer.concat(chunks.slice(-2)).toString("latin1")
      if (tail.includes(`\n${end}`)) finish({ text: text() })
    })
  })
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // It has ended by itself.
  }
}

function parse(text: string, mark: string): Record<string, string> | undefined {
  const [a, b, c] = ["a", "b", "c"].map((letter) => text.lastIndexOf(`${mark}${letter}`))
  if (a === undefined || b === undefined || c === undefined || a < 0 || b < a || c < b) return undefined
  const skip = mark.length + 1
  const zeros = text.slice(a + skip, b).replace(/^\r?\n/, "")
  const entries = zeros.includes("\0") ? zeros.split("\0") : text.slice(b + skip, c).split("\n")
  const variables: Record<string, string> = {}
  const libraries = process.env["DATAMAESTRO_LIBRARIES"] === undefined ? "" : "|LD_LIBRARY_PATH"
  const kept = new RegExp(`^(_|PWD|OLDPWD|SHLVL|NODE_OPTIONS${libraries})$`)
  for (const entry of entries) {
    const at = entry.indexOf("=")
    // What a shell keeps for itself is no part of the account's environment; what Node was started with, and needs, is as it is.
    if (at <= 0 || kept.test(entry.slice(0, at))) continue
    variables[entry.slice(0, at)] = entry.slice(at + 1)
  }
  return Object.keys(variables).length === 0 ? undefined : variables
}
