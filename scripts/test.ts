/**
 * All tests, in several runs of mocha side by side, about as long as each other: those of jobs and of Slurm mostly wait,
 * for their work and for connections that are cut. Further arguments go to each: `npm test -- --grep lock`.
 */
import { spawn, type ChildProcess } from "node:child_process"
import { fileURLToPath } from "node:url"

const ROOT = fileURLToPath(new URL("..", import.meta.url))
const MOCHA = fileURLToPath(import.meta.resolve("mocha/bin/mocha.js"))
/** Of the runs behind the first one, which has all other tests. `.ci/run` counts one sum for each run. */
const APART = {
  agent: ["test/agent/**/*.test.ts"],
  jobs: ["test/e2e/jobs*.test.ts"],
  "Slurm and controller": ["test/e2e/slurm*.test.ts", "test/controller/**/*.test.ts"],
}
const further = process.argv.slice(2)

const running: ChildProcess[] = []
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    for (const child of running) child.kill(signal)
  })
}

const elsewhere = Object.values(APART).flat()
const others = start(["test/**/*.test.ts", ...elsewhere.flatMap((files) => ["--ignore", files])], "inherit")
const apart = Object.entries(APART).map(([name, files]) => {
  const run = start([...files, ...(process.stdout.isTTY ? ["--color"] : [])], "pipe")
  // Behind what the others say: two reports in one are none.
  const said: Buffer[] = []
  for (const stream of [run.child.stdout, run.child.stderr]) stream?.on("data", (chunk: Buffer) => said.push(chunk))
  return { name, said, ...run }
})
const statuses = [await others.ended]
for (const { name, said, child, ended } of apart) {
  if (child.exitCode === null) console.log(`Those of ${name} still run; what they say comes when they have ended.`)
  statuses.push(await ended)
  process.stdout.write(Buffer.concat(said))
}
process.exitCode = Math.max(...statuses)

/** `ended` is mocha's exit status: the number of tests that failed; 1 for a run that was killed. */
function start(args: readonly string[], output: "inherit" | "pipe"): { child: ChildProcess; ended: Promise<number> } {
  const child = spawn(process.execPath, [MOCHA, ...args, ...further], {
    cwd: ROOT,
    stdio: ["ignore", output, output],
  })
  running.push(child)
  return { child, ended: new Promise((resolve) => child.once("close", (status) => resolve(status ?? 1))) }
}
