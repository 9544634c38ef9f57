import { spawn, spawnSync } from "node:child_process"
import { setTimeout as sleep } from "node:timers/promises"

const PROGRAM = "script"

/** Whether util-linux's `script`, which gives a program a terminal of its own, is there. */
export const hasPseudoTerminal = /util-linux/.test(spawnSync(PROGRAM, ["--version"], { encoding: "utf8" }).stdout ?? "")

/** A command line that runs in a terminal of its own. */
export interface Terminal {
  /** All that it showed. */
  readonly screen: string
  readonly ended: Promise<number | null>
  /** Waits until it shows the text, after what was waited for before; rejects when the command ends without. */
  shows(text: string): Promise<void>
  /** Presses keys: `\r` is Enter, `\x03` Ctrl-C. */
  type(keys: string): void
}

export interface TerminalRun {
  /** All that the terminal showed. */
  screen: string
  status: number | null
}

export function openTerminal(commandLine: string, env: NodeJS.ProcessEnv = process.env): Terminal {
  const child = spawn(PROGRAM, ["-qefc", commandLine, "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"] })
  let screen = ""
  let seen = 0
  let over = false
  child.stdout.setEncoding("utf8").on("data", (text: string) => (screen += text))
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (status) => {
      over = true
      resolve(status)
    })
  })
  return {
    get screen() {
      return screen
    },
    ended,
    type: (keys) => void child.stdin.write(keys),
    async shows(text) {
      for (;;) {
        const at = screen.indexOf(text, seen)
        if (at >= 0) {
          seen = at + text.length
          return
        }
        if (over) throw new Error(`the terminal never showed "${text}":\n${screen}`)
        await sleep(10)
      }
    },
  }
}

/** Runs a shell command line in a terminal; each answer is typed once its prompt has appeared. */
export async function inTerminal(
  commandLine: string,
  answers: readonly (readonly [prompt: string, typed: string])[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<TerminalRun> {
  const terminal = openTerminal(commandLine, env)
  const typing = (async () => {
    for (const [prompt, typed] of answers) {
      await terminal.shows(prompt)
      terminal.type(typed)
    }
  })()
  // Answers that nobody asked for.
  typing.catch(() => {})
  const status = await terminal.ended
  return { screen: terminal.screen, status }
}
