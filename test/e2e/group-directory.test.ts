import { expect } from "chai"
import {
  chmodSync,
  chownSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
} from "node:fs"
import { join, relative } from "node:path"
import type { CommandRun } from "../helpers/command-line.ts"
import { createGroupMembers, type GroupMembers } from "../helpers/group-members.ts"
import type { ListedJob } from "../helpers/slurm-lab.ts"
import { startJobLab, until, type JobLab } from "../helpers/job-lab.ts"

describe("a data directory of a group, by two of its members", function () {
  this.timeout(120_000)
  let members: GroupMembers | undefined
  let lab: JobLab
  let group: GroupMembers
  before(() => (members = createGroupMembers()))
  after(() => members?.remove())
  beforeEach(async function () {
    if (members === undefined) return this.skip()
    group = members
    lab = await startJobLab()
    chmodSync(lab.folder, 0o755)
    mkdirSync(lab.data)
    chownSync(lab.data, 0, group.gid)
    chmodSync(lab.data, 0o2775)
    for (const user of group.users) {
      mkdirSync(homeOf(user))
      chownSync(homeOf(user), group.uidOf(user), group.gid)
    }
  })
  afterEach(() => lab?.close())

  const homeOf = (user: string): string => join(lab.folder, `home-${user}`)
  const run = async (user: string, umask: string, ...args: string[]): Promise<CommandRun> => {
    const { env } = lab
    const home = homeOf(user)
    const own = { HOME: home, XDG_CONFIG_HOME: join(home, ".config"), XDG_CACHE_HOME: join(home, ".cache") }
    return await group.run(user, umask, { ...(env as Record<string, string>), ...own }, args)
  }
  const succeed = async (user: string, umask: string, ...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await run(user, umask, ...args)
    expect(status, stderr).to.equal(0)
    return stdout
  }
  /** What a member could not go on with: of another group, or without the group's rights. */
  const unshared = (folder: string): string[] =>
    readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
      const path = join(entry.parentPath, entry.name)
      const { mode, gid } = lstatSync(path)
      const wanted = entry.isDirectory() ? 0o2070 : 0o060
      const right = gid === group.gid && (mode & wanted) === wanted
      return right ? [] : [`${relative(folder, path)} ${mode.toString(8)} ${gid}`]
    })

  for (const umask of ["002", "007", "022", "077"]) {
    it(`is shared in all that is in it, also with the umask ${umask}`, async () => {
      const [one, other] = group.users
      const printed = await succeed(one, umask, "--keep-downloads", "prepare", lab.dataset(0.2))
      expect(await lab.isRight(printed)).to.equal(true)
      await succeed(one, umask, "datafolders", "set", "first", "/first")
      expect(unshared(lab.data)).to.deep.equal([])
      const others = statSync(join(lab.data, "cache")).mode & 0o007
      expect(others, "others get what the umask leaves them").to.equal(~Number.parseInt(umask, 8) & 0o005)

      const records = readdirSync(join(lab.data, "cache")).filter((name) => name.endsWith(".json"))
      const used = (): number[] => records.map((name) => lstatSync(join(lab.data, "cache", name)).mtimeMs)
      for (const name of records) utimesSync(join(lab.data, "cache", name), 1000, 1000)
      const requests = lab.origin.requests.length
      expect(await succeed(other, umask, "--keep-downloads", "prepare", "--force", lab.dataset(0.2))).to.equal(printed)
      expect(lab.origin.requests.length, "downloads of the first are taken from the cache").to.equal(requests)
      expect(Math.min(...used()), "a use counts, also of what another downloaded").to.be.above(Date.now() - 60_000)
      expect(await succeed(other, umask, "jobs", "list")).to.match(/\tdone\t.*\n.*\tdone\t/)
      await succeed(other, umask, "datafolders", "set", "second", "/second")
      await succeed(one, umask, "datafolders", "remove", "first")
      expect(await succeed(other, umask, "datafolders", "list")).to.equal("second\t/second\n")
      expect(unshared(lab.data)).to.deep.equal([])
      await succeed(other, umask, "cache", "clear")
      expect(readdirSync(join(lab.data, "cache"))).to.deep.equal([])
    })
  }

  it("is not opened to the group where its folder is not, and the other is told what to do", async () => {
    chmodSync(lab.data, 0o2755)
    const [one, other] = group.users
    chownSync(lab.data, group.uidOf(one), group.gid)
    await succeed(one, "022", "prepare", lab.dataset(0.2))
    expect(statSync(join(lab.data, "data")).mode & 0o777).to.equal(0o755)
    const { status, stderr } = await run(other, "022", "prepare", lab.dataset(1))
    expect(status).to.equal(6)
    expect(stderr)
      .to.match(/permission denied/)
      .and.match(/owner and the permissions/)
    // What is whole can be read.
    await succeed(other, "022", "prepare", lab.dataset(0.2))
    chmodSync(join(lab.data, "jobs"), 0o700)
    for (const args of [["list"], ["attach", "abc"]]) {
      const refused = await run(other, "022", "jobs", ...args)
      expect(refused.status, refused.stderr).to.equal(6)
      expect(refused.stderr).to.match(/read ".*jobs".*permission denied/)
    }
    // Jobs are no reason not to use it, and what can't be begun is not said to have been.
    await succeed(other, "022", "prepare", lab.dataset(0.2))
    for (const detach of [[], ["--detach"]]) {
      const refused = await run(other, "022", "prepare", ...detach, lab.dataset(1))
      expect(refused, refused.stderr).to.include({ status: 6, stdout: "" })
      expect(refused.stderr).not.to.contain("job.json")
    }
  })

  it("is prepared once by two at the same time", async () => {
    const [one, other] = group.users
    const both = await Promise.all([
      succeed(one, "022", "prepare", lab.dataset(1)),
      succeed(other, "077", "prepare", lab.dataset(1)),
    ])
    expect(both[0]).to.equal(both[1])
    expect(await lab.isRight(both[0])).to.equal(true)
    for (const index of [0, 1, 2]) expect(lab.origin.requestsOf(`/1/${index}`)).to.have.length(1)
    expect(unshared(lab.data)).to.deep.equal([])
  })

  it("passes the parts of a killed preparation, its lock and its job, to the other", async () => {
    const [one, other] = group.users
    const killed = run(one, "077", "prepare", lab.dataset(8))
    let job = ""
    const parts = (): string[] => readdirSync(join(lab.data, "cache")).filter((name) => name.endsWith(".tmp"))
    await until(async () => {
      job = (await lab.jobs())[0] ?? ""
      const loaded = lab.origin.requests.length === 3 && lab.origin.requests.every(({ sent }) => sent > 50_000)
      return loaded && parts().length > 0 && (await lab.holder(job)) > 0
    })
    const lease = join(lab.data, "data/lab/org/example/takes8/.state.lease")
    process.kill((JSON.parse(readFileSync(lease, "utf8")) as { pid: number }).pid, "SIGKILL")
    expect((await killed).status).to.equal(9)
    const before = lab.origin.requests.length
    const printed = await succeed(other, "077", "jobs", "attach", job)
    expect(await lab.isRight(printed)).to.equal(true)
    const continued = lab.origin.requests.slice(before)
    expect(continued).to.have.length(3)
    for (const { headers } of continued) expect(headers.range).to.match(/^bytes=[1-9]\d+-/)
    expect(unshared(lab.data)).to.deep.equal([])
  })

  it("has jobs that are not for all to read: they are told as such, and left alone (exit 6)", async () => {
    const [one, other] = group.users
    await succeed(one, "022", "prepare", lab.dataset(0.2))
    const [job = ""] = await lab.jobs()
    const jobs = join(lab.data, "jobs")
    const closed = {
      zfolder: ["."],
      zspecification: ["job.json"],
      zresult: ["result.json"],
      zjournal: ["journal.jsonl"],
    }
    for (const [id, names] of Object.entries(closed)) {
      cpSync(join(jobs, job), join(jobs, id), { recursive: true })
      for (const name of names) chmodSync(join(jobs, id, name), name === "." ? 0o700 : 0o600)
    }
    const listed = JSON.parse(await succeed(other, "022", "--json", "jobs", "list")) as ListedJob[]
    expect(Object.fromEntries(listed.map(({ id, state, detail }) => [id, [state, detail]]))).to.deep.equal({
      [job]: ["done", undefined],
      zfolder: ["unreadable", "job.json: permission denied"],
      zspecification: ["unreadable", "job.json: permission denied"],
      zresult: ["unreadable", "result.json: permission denied"],
      zjournal: ["done", undefined],
    })
    const refused = [
      ...["zfolder", "zspecification", "zresult"].flatMap((id) => [
        ["attach", id],
        ["cancel", id],
      ]),
      ...["zfolder", "zjournal"].map((id) => ["logs", id]),
    ]
    for (const command of refused) {
      const { status, stderr } = await run(other, "022", "jobs", ...command)
      expect(status, `${command.join(" ")}: ${stderr}`).to.equal(6)
      expect(stderr).to.match(/permission denied/)
    }
    for (const id of Object.keys(closed)) {
      for (const name of readdirSync(join(jobs, job))) {
        expect(readFileSync(join(jobs, id, name), "utf8")).to.equal(readFileSync(join(jobs, job, name), "utf8"))
      }
    }
  })
})
