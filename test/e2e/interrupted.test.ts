import { expect } from "chai"
import { existsSync } from "node:fs"
import { readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { isAlive, until, type RunningCommand } from "../helpers/job-lab.ts"
import { processesAreSeen, processesOfHome } from "../helpers/processes-of-home.ts"
import { startRemoteJobLab, type RemoteJobLab } from "../helpers/remote-job-lab.ts"
import { writeRepositoryPackage } from "../helpers/repository-package.ts"
import { skipWithoutSshd } from "../helpers/sshd.ts"

/** Five times what is promised, in milliseconds: machines may be slow. Work that is not cancelled takes far longer. */
const LIMIT = 10_000

/** @param begun the file that each makes once it has begun */
const moduleText = (begun: string): string => `
  import { Repository, defineDataset, step, textFile } from "@datamaestro/dataset"
  import { spawn } from "node:child_process"
  import { writeFileSync } from "node:fs"
  const tell = () => writeFileSync(${JSON.stringify(begun)}, "")
  const made = (run) => step({ from: [], name: "made.txt", run })
  const steps = {
    "org.example.deaf": made(async () => {
      spawn("sleep", ["300"], { stdio: "ignore" })
      tell()
      await new Promise((resolve) => setTimeout(resolve, 300_000))
    }),
    "org.example.busy": made(async () => {
      tell()
      for (;;);
    }),
  }
  const never = async () => {
    tell()
    await new Promise((resolve) => setTimeout(resolve, 300_000))
  }
  export class MyRepository extends Repository {
    static NAMESPACE = "ends"
    static DESCRIPTION = "Comes to no end"
    static datasets = {
      "org.example.never": never,
      ...Object.fromEntries(Object.entries(steps).map(([id, made]) =>
        [id, () => defineDataset({ id, resources: { made }, describe: ({ made }) => ({ made: textFile(made) }) })])),
    }
  }`

describe("a command that Ctrl-C ends", function () {
  this.timeout(60_000)
  let lab: RemoteJobLab
  let begun: string
  before(function () {
    skipWithoutSshd(this)
  })
  beforeEach(async () => {
    lab = await startRemoteJobLab()
    begun = join(lab.folder, "begun")
    const files = { "lib/index.js": moduleText(begun) }
    const plugin = await writeRepositoryPackage(lab.folder, { id: "ends", files })
    lab.env["DATAMAESTRO_REPOSITORY_PATH"] += `:${plugin}`
  })
  afterEach(() => lab.close())

  const hasBegun = async (): Promise<void> => await until(() => existsSync(begun))
  const moments: [what: string, dataset: () => string, underWay: (command: RunningCommand) => Promise<void>][] = [
    ["a download", () => lab.dataset(120), (command) => command.said(/part0: downloading/)],
    ["a step that does not listen, with a program that it started", () => "org.example.deaf", hasBegun],
    ["a step that keeps a processor busy", () => "org.example.busy", hasBegun],
    ["a definition that does not come", () => "org.example.never", hasBegun],
  ]
  for (const where of ["here", "over SSH"]) {
    for (const [what, dataset, underWay] of moments) {
      it(`ends soon, and leaves no process and no lock: in ${what}, ${where}`, async () => {
        const command = where === "here" ? lab.start("prepare", dataset()) : lab.remote("prepare", dataset())
        await underWay(command)
        command.child.kill("SIGINT")
        const ended = await Promise.race([command.ended, sleep(LIMIT, "it goes on")])
        expect(ended, command.stderr).to.equal(130)
        expect(command.stdout).to.equal("")
        if (processesAreSeen) await until(async () => (await processesOfHome(lab.home)).length === 0)
        const files = await readdir(lab.data, { recursive: true }).catch((): string[] => [])
        // A job's own lease stays as the sign that nobody works on it any more.
        expect(files.filter((name) => /\.(lock|lease)$/.test(name) && !name.startsWith("jobs/"))).to.deep.equal([])
      })
    }
  }

  it("keeps what it has downloaded", async () => {
    const command = lab.start("prepare", lab.dataset(3))
    await command.said(/part0: downloading/)
    await until(() => (lab.origin.requestsOf("/3/0")[0]?.sent ?? 0) > 100_000)
    command.child.kill("SIGINT")
    expect(await command.ended).to.equal(130)
    expect(await lab.start("prepare", lab.dataset(3)).ended).to.equal(0)
    expect(lab.origin.requestsOf("/3/0")[1]?.headers.range).to.match(/^bytes=[1-9]\d*-$/)
  })

  it("ends its ProxyCommand, to which nothing comes any more", async () => {
    const [way, pidFile] = [join(lab.folder, "way.mjs"), join(lab.folder, "pid")]
    // As `ssh -W` does, it waits for the other side also when nobody speaks to it any more.
    const relay = `
      import { writeFileSync } from "node:fs"
      import { connect } from "node:net"
      const socket = connect({ host: "127.0.0.1", port: ${lab.proxy.port} })
      process.stdin.pipe(socket, { end: false })
      socket.pipe(process.stdout)
      writeFileSync(${JSON.stringify(pidFile)}, String(process.pid))`
    await writeFile(way, relay)
    const proxy = `ProxyCommand=${process.execPath} ${way}`
    const command = lab.remote("-o", proxy, "prepare", lab.dataset(120))
    await command.said(/part0: downloading/)
    const pid = Number(await readFile(pidFile, "utf8"))
    lab.proxy.swallow()
    command.child.kill("SIGINT")
    expect(await command.ended, command.stderr).to.equal(130)
    await until(() => !isAlive(pid))
  })
})
