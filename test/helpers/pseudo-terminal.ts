import { spawn, spawnSync } from "node:child_process"

const PROGRAM = "script"

/** Whether util-linux's `script`, which gives a program a terminal of its own, is there. */
export const hasPseudoTerminal = /util-linux/.test(spawnSync(PROGRAM, ["--version"], { encoding: "utf8" }).stdout ?? "")

export interface TerminalRun {
  /** All that the terminal showed. */
  screen: string
  status: number | null
}

/** Runs a shell command line in a terminal; each answer is typed once its prompt has appeared. */
export async function inTerminal(
  commandLine: string,
  answers: readonly (readonly [prompt: string, typed: string])[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<TerminalRun> {
  const child = spawn(PROGRAM, ["-qefc", commandLine, "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"] })
  let screen = ""
  let seen = 0
  const waiting = [...answers]
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    screen += text
    for (;;) {
      const [next] = waiting
      const at = next === undefined ? -1 : screen.indexOf(next[0], seen)
      if (next === undefined || at < 0) return
      seen = at + next[0].length
      waiting.shift()
      child.stdin.write(next[1])
    }
  })
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", resolve)
  })
  return { screen, status }
}
