/**
 * All tests, in two runs of mocha side by side: those of jobs mostly wait, for Slurm and for connections that are cut,
 * and take as long as all others together. Further arguments go to both: `npm test -- --grep lock`.
 */
import { spawn, type ChildProcess } from "node:child_process"
import { fileURLToPath } from "node:url"

const ROOT = fileURLToPath(new URL("..", import.meta.url))
const MOCHA = fileURLToPath(import.meta.resolve("mocha/bin/mocha.js"))
const JOBS = "test/e2e/{jobs,slurm}*.test.ts"
const further = process.argv.slice(2)

const running: ChildProcess[] = []
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    for (const child of running) child.kill(signal)
  })
}

const others = start(["test/**/*.test.ts", "--ignore", JOBS], "inherit")
const jobs = start([JOBS, ...(process.stdout.isTTY ? ["--color"] : [])], "pipe")
// Behind what the others say: two reports in one are none.
const said: Buffer[] = []
for (const stream of [jobs.child.stdout, jobs.child.stderr]) stream?.on("data", (chunk: Buffer) => said.push(chunk))
const statuses = [await others.ended]
if (jobs.child.exitCode === null) console.log("The tests of jobs still run; what they say comes when they have ended.")
statuses.push(await jobs.ended)
process.stdout.write(Buffer.concat(said))
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
