import { createHash, randomBytes } from "node:crypto"
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { spawn, type ChildProcess } from "node:child_process"
import { gzipSync } from "node:zlib"
import { LAUNCHER } from "./command-line.ts"
import { startOrigin, type Origin } from "./origin.ts"
import { writeRepositoryPackage } from "./repository-package.ts"
import { temporaryFolder } from "./ssh-client-files.ts"

/** A command that runs, with what it has said so far. */
export interface RunningCommand {
  readonly child: ChildProcess
  readonly stdout: string
  readonly stderr: string
  readonly ended: Promise<number | null>
  /** Resolves once stderr matches; rejects when the command ends before. */
  said(pattern: RegExp): Promise<void>
}

/** A person's home, a data directory, and datasets that take their time. */
export interface JobLab {
  folder: string
  data: string
  home: string
  env: NodeJS.ProcessEnv
  origin: Origin
  /** The id of a dataset that takes about so long to download. Its value is `{"files": [{"path"}, …]}`. */
  dataset(seconds: number): string
  /** Whether a printed value's files are what was served. */
  isRight(stdout: string): Promise<boolean>
  /** Starts the built command for this data directory. */
  start(...args: string[]): RunningCommand
  /** The job folders, by id. */
  jobs(): Promise<string[]>
  /** The process that works on a job; 0 where there is none. */
  holder(job: string): Promise<number>
  /** Sends a signal to it once there is one, and tells which: to 0 it would go to all that run these tests. */
  signalHolder(job: string, signal: NodeJS.Signals): Promise<number>
  close(): Promise<void>
}

const SIZE = 600_000

export async function startJobLab(): Promise<JobLab> {
  const temporary = await temporaryFolder("datamaestro-jobs-")
  const folder = temporary.path
  const origin = await startOrigin()
  const contents = [0, 1, 2].map(() => randomBytes(SIZE / 2).toString("hex"))
  const sums = contents.map((content) => createHash("sha256").update(content).digest("hex"))
  const durations = [0.2, 1, 3, 8, 30, 120]
  for (const seconds of durations) {
    for (const [index, content] of contents.entries()) {
      const body = index === 1 ? gzipSync(content) : Buffer.from(content)
      origin.route(`/${seconds}/${index}`, { body, throttle: Math.ceil(body.length / seconds) })
    }
  }
  const plugin = await writeRepositoryPackage(folder, {
    id: "lab",
    files: {
      "lib/index.js": `
        import { Repository, defineDataset, file, gunzip, textFile, sha256 } from "@datamaestro/dataset"
        const sums = ${JSON.stringify(sums)}
        const make = (seconds, id) => defineDataset({
          id,
          resources: Object.fromEntries(sums.map((sum, index) => ["part" + index,
            file("${origin.url}/" + seconds + "/" + index, { name: index + ".txt", integrity: sha256(sum, "output"),
              ...(index === 1 ? { transforms: [gunzip()] } : {}) })])),
          describe: ({ part0, part1, part2 }) => ({ files: [textFile(part0), textFile(part1), textFile(part2)] }),
        })
        export class MyRepository extends Repository {
          static NAMESPACE = "lab"
          static DESCRIPTION = "Takes its time"
          static datasets = Object.fromEntries(${JSON.stringify(durations)}.map((seconds) => {
            const id = "org.example.takes" + String(seconds).replace(".", "p")
            return [id, () => make(seconds, id)]
          }))
        }`,
    },
  })
  const home = join(folder, "home")
  const data = join(folder, "data")
  await mkdir(home)
  const env = {
    HOME: home,
    XDG_CONFIG_HOME: join(home, ".config"),
    XDG_CACHE_HOME: join(home, ".cache"),
    DATAMAESTRO_DIR: data,
    DATAMAESTRO_REPOSITORY_PATH: plugin,
  }
  const commands: ChildProcess[] = []
  const holder = async (job: string): Promise<number> => {
    const text = await readFile(join(data, "jobs", job, "lease"), "utf8").catch(() => "")
    return text === "" ? 0 : (JSON.parse(text) as { pid: number }).pid
  }
  const jobs = async (): Promise<string[]> =>
    (await readdir(join(data, "jobs")).catch((): string[] => [])).filter((name) => !name.startsWith("."))
  return {
    folder,
    data,
    home,
    env,
    origin,
    jobs,
    holder,
    async signalHolder(job, signal) {
      let pid = 0
      await until(async () => (pid = await holder(job)) > 0)
      process.kill(pid, signal)
      return pid
    },
    dataset: (seconds) => `org.example.takes${String(seconds).replace(".", "p")}`,
    async isRight(stdout) {
      const { files } = JSON.parse(stdout) as { files: { path: string }[] }
      for (const [index, { path }] of files.entries()) {
        const sum = createHash("sha256")
          .update(await readFile(path))
          .digest("hex")
        if (sum !== sums[index]) return false
      }
      return files.length === sums.length
    },
    start(...args) {
      const child = spawn(process.execPath, [LAUNCHER, ...args], {
        env: { ...process.env, ...env },
        stdio: ["ignore", "pipe", "pipe"],
      })
      commands.push(child)
      return followCommand(child)
    },
    async close() {
      for (const child of commands) if (child.exitCode === null) child.kill("SIGKILL")
      for (const job of await jobs()) {
        const pid = await holder(job)
        if (pid > 0 && isAlive(pid)) process.kill(pid, "SIGKILL")
      }
      await origin.close()
      await writeFile(join(folder, "closed"), "")
      await temporary.remove()
    },
  }
}

function followCommand(child: ChildProcess): RunningCommand {
  let stdout = ""
  let stderr = ""
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text))
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text))
  let over = false
  const ended = new Promise<number | null>((resolve) => {
    child.once("close", (status) => {
      over = true
      resolve(status)
    })
  })
  return {
    child,
    ended,
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    async said(pattern) {
      while (!pattern.test(stderr)) {
        if (over) throw new Error(`the command ended without saying ${String(pattern)}:\n${stderr}`)
        await sleep(10)
      }
    },
  }
}

/** Whether a process runs: a zombie has ended. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20)
}
