import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { isAlive, startJobLab, until, type JobLab } from "../helpers/job-lab.ts"
import { skipWithoutSshd, startSshd, type Sshd } from "../helpers/sshd.ts"

/** How many kills: dozens by default, as many as DATAMAESTRO_KILLS says when it must be known better. */
const KILLS = Number(process.env["DATAMAESTRO_KILLS"] ?? 24)
const VICTIMS = ["controller", "agent", "connection"] as const

describe("work that is killed with -9 at any moment", function () {
  this.timeout(60_000 + KILLS * 15_000)
  let lab: JobLab
  let sshd: Sshd
  before(async function () {
    skipWithoutSshd(this)
    lab = await startJobLab()
    sshd = await startSshd({ environment: { HOME: lab.home } })
  })
  after(async () => {
    await lab?.close()
    await sshd?.stop()
  })

  /** The agent that a connection started: by parentage, since other tests may run agents too. */
  const agents = (): number[] => {
    const rows = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" }).trim().split("\n")
    const table = rows.map((row) => {
      const [, pid, parent, command] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row) ?? []
      return { pid: Number(pid), parent: Number(parent), command: command ?? "" }
    })
    const family = [sshd.pid]
    for (const one of family) for (const { pid, parent } of table) if (parent === one) family.push(pid)
    return table.filter(({ pid, command }) => family.includes(pid) && !command.includes("sshd")).map(({ pid }) => pid)
  }
  const holders = async (data: string): Promise<number[]> => {
    const jobs = join(data, "jobs")
    const ids = await readdir(jobs).catch((): string[] => [])
    const texts = await Promise.all(ids.map((id) => readFile(join(jobs, id, "lease"), "utf8").catch(() => "")))
    return texts.filter((text) => text.endsWith("\n")).map((text) => (JSON.parse(text) as { pid: number }).pid)
  }
  const kill = (pid: number): void => {
    if (pid > 0 && isAlive(pid)) process.kill(pid, "SIGKILL")
  }

  it(`loses nothing in ${KILLS} kills of controller, agent and connection`, async () => {
    const counts: Record<string, number> = {}
    for (let round = 0; round < KILLS; round++) {
      const victim = VICTIMS[round % VICTIMS.length] ?? "agent"
      const data = join(lab.folder, `data${round}`)
      const command = lab.start("-F", sshd.configFile, "--host", "cluster", "--data", data, "prepare", lab.dataset(1))
      const moment = Math.random() * 2500
      await sleep(moment)
      const told = `round ${round}: ${victim} after ${Math.round(moment)} ms`
      if (victim === "controller") command.child.kill("SIGKILL")
      else if (victim === "connection") await sshd.killConnections()
      else for (const pid of [...agents(), ...(await holders(data))]) kill(pid)
      // Now and then what goes on is hit once more.
      if (Math.random() < 0.3) {
        await sleep(Math.random() * 600)
        for (const pid of await holders(data)) kill(pid)
      }
      const status = await command.ended
      if (status === 0) expect(await lab.isRight(command.stdout), `${told}\n${command.stderr}`).to.equal(true)
      else expect(status === null || [8, 9].includes(status), `${told}: ${status}\n${command.stderr}`).to.equal(true)
      counts[`${victim} ${status === 0 ? "unnoticed" : "told"}`] =
        (counts[`${victim} ${status === 0 ? "unnoticed" : "told"}`] ?? 0) + 1

      const again = lab.start("--data", data, "prepare", lab.dataset(1))
      expect(await again.ended, `${told}\n${again.stderr}`).to.equal(0)
      expect(await lab.isRight(again.stdout), told).to.equal(true)
      const listed = lab.start("--data", data, "--json", "jobs", "list")
      expect(await listed.ended, listed.stderr).to.equal(0)
      for (const { state } of JSON.parse(listed.stdout) as { state: string }[]) {
        expect(state, told).to.be.oneOf(["done", "lost", "unreadable", "running"])
      }
      await until(async () => !(await holders(data)).some(isAlive))
      const left = (await readdir(join(data, "data"), { recursive: true })).filter((path) =>
        path.endsWith(".state.lease"),
      )
      expect(left, told).to.deep.equal([])
    }
    if (process.env["DATAMAESTRO_KILLS"] !== undefined) process.stderr.write(`${JSON.stringify(counts)}\n`)
  })
})
