import { expect } from "chai"
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { datamaestro, type CommandRun } from "../helpers/command-line.ts"
import { compileFaultyStorage, type Fault } from "../helpers/faulty-storage.ts"
import { startJobLab, until, type JobLab } from "../helpers/job-lab.ts"

type StorageError = NonNullable<Fault["error"]>

/** What only moving says. */
const TOLD_OF_MOVES = {
  EEXIST: [/its new name is taken/, /see what has that name/],
  ENOTEMPTY: [/its new name is taken/, /see what has that name/],
  EXDEV: [/on another file system/, /mounted or linked along this path/],
} satisfies Partial<Record<StorageError, readonly [reason: RegExp, hint: RegExp]>>

/** What each is told as, and what a person can do. */
const TOLD: Readonly<
  Record<Exclude<StorageError, keyof typeof TOLD_OF_MOVES>, readonly [reason: RegExp, hint: RegExp]>
> = {
  EACCES: [/permission denied/, /owner and the permissions/],
  EDQUOT: [/your disk quota is used up/, /free some of your quota/],
  EIO: [/input\/output error/, /tell the administrators/],
  ENOSPC: [/no space left on the device/, /free some space/],
  ENOTCONN: [/its storage is not connected any more/, /mount it again/],
  EROFS: [/file system is read-only/, /another place with --data/],
}

describe("storage that fails while a dataset is prepared", function () {
  this.timeout(60_000)
  let lab: JobLab
  let faulty: NonNullable<ReturnType<typeof compileFaultyStorage>>
  beforeEach(async function () {
    lab = await startJobLab()
    const compiled = compileFaultyStorage(lab.folder)
    if (compiled === undefined) return this.skip()
    faulty = compiled
  })
  afterEach(() => lab.close())

  const run = (args: readonly string[], env: Record<string, string> = {}): Promise<CommandRun> =>
    datamaestro(args, { env: { ...lab.env, ...env } })
  /** What nobody works at any more must leave. */
  const locks = (): string[] =>
    readdirSync(lab.data, { recursive: true, encoding: "utf8" }).filter((name) =>
      /\.(lock|lease|use)$|\/lease$/.test(name),
    )
  const place = (seconds: string): string => join(lab.data, "data/lab/org/example", `takes${seconds}`)
  const visible = (seconds: string): string[] =>
    existsSync(place(seconds)) ? readdirSync(place(seconds)).filter((name) => !name.startsWith(".")) : []

  for (const [error, [reason, hint]] of Object.entries(TOLD) as [StorageError, readonly [RegExp, RegExp]][]) {
    it(`by ${error}: it is told with what to do, what came is kept, and the next run goes on with it`, async () => {
      const fault = faulty({ error, prefix: join(lab.data, "cache"), after: 700_000 })
      const { status, stdout, stderr } = await run(["prepare", lab.dataset(1)], fault)
      expect(status, stderr).to.equal(6)
      expect(stdout).to.equal("")
      expect(stderr).to.match(reason).and.match(hint)
      expect(locks()).to.deep.equal([])
      const begun = lab.origin.requests.length
      const again = await run(["prepare", lab.dataset(1)])
      expect(again.status, again.stderr).to.equal(0)
      expect(await lab.isRight(again.stdout)).to.equal(true)
      const resumed = lab.origin.requests.slice(begun).filter(({ headers }) => headers.range !== undefined)
      expect(resumed, "parts that were continued").not.to.deep.equal([])
    })

    it(`by ${error} where outputs are written: nothing half is to be seen, and nothing is fetched again`, async () => {
      const fault = faulty({ error, prefix: join(lab.data, "data"), after: 200_000 })
      const { status, stderr } = await run(["prepare", lab.dataset(0.2)], fault)
      expect(status, stderr).to.equal(6)
      expect(stderr).to.match(reason).and.match(hint)
      expect(visible("0p2")).to.not.include.members(["1.txt"])
      expect(locks()).to.deep.equal([])
      const again = await run(["prepare", lab.dataset(0.2)])
      expect(await lab.isRight(again.stdout), again.stderr).to.equal(true)
      expect(lab.origin.requestsOf("/0.2/1")).to.have.length(1)
    })
  }

  for (const [error, [reason, hint]] of Object.entries({ ...TOLD_OF_MOVES, EIO: TOLD.EIO }) as [
    StorageError,
    readonly [RegExp, RegExp],
  ][]) {
    it(`by ${error} where what was made is to be moved into its place: it is told, and the next run moves it`, async () => {
      const fault = faulty({ error, prefix: join(lab.data, "data"), moves: true })
      const { status, stderr } = await run(["prepare", lab.dataset(0.2)], fault)
      expect(status, stderr).to.equal(6)
      expect(stderr).to.match(reason).and.match(hint)
      const again = await run(["prepare", lab.dataset(0.2)])
      expect(await lab.isRight(again.stdout), again.stderr).to.equal(true)
    })
  }

  it("by EDQUOT when a file is to be made: the quota may be one of files", async () => {
    const fault = faulty({ error: "EDQUOT", prefix: join(lab.data, "cache"), after: 0, create: true })
    const { status, stderr } = await run(["prepare", lab.dataset(0.2)], fault)
    expect(status, stderr).to.equal(6)
    expect(stderr)
      .to.match(/your disk quota is used up, of space or of files \(inodes\)/)
      .and.match(/`quota`/)
  })

  it("for a job: whoever attaches is told, and once the fault is gone the work goes on", async () => {
    const fault = faulty({ error: "EDQUOT", prefix: join(lab.data, "cache"), after: 700_000 })
    const { stdout, stderr } = await run(["prepare", "--detach", lab.dataset(1)], fault)
    expect(stdout, stderr).to.match(/^[a-z0-9]{8}\n$/)
    const job = stdout.trim()
    for (let twice = 0; twice < 2; twice++) {
      const attached = await run(["jobs", "attach", job])
      expect(attached.status, attached.stderr).to.equal(6)
      expect(attached.stderr)
        .to.match(/your disk quota is used up/)
        .and.match(/free some of your quota/)
    }
    expect((await run(["jobs", "list"])).stdout).to.match(new RegExp(`^${job}\tfailed\t.*quota`))
    const again = await run(["prepare", lab.dataset(1)])
    expect(await lab.isRight(again.stdout), again.stderr).to.equal(true)
  })

  it("for a job whose own folder can't be written either: it ends, is told as lost, and is resumed by who attaches", async () => {
    const fault = faulty({ error: "ENOSPC", prefix: `${lab.data}/`, after: 400_000, create: true })
    const detached = await run(["prepare", "--detach", lab.dataset(1)], fault)
    expect(detached.stdout, detached.stderr).to.match(/^[a-z0-9]{8}\n$/)
    const job = detached.stdout.trim()
    await until(async () => !/running/.test((await run(["jobs", "list"])).stdout))
    const attached = await run(["jobs", "attach", job])
    expect(attached.status, attached.stderr).to.equal(0)
    expect(await lab.isRight(attached.stdout)).to.equal(true)
    expect(locks()).to.deep.equal([])
  })
})

describe("a job on a disk that fills up", function () {
  this.timeout(60_000)
  let lab: JobLab
  let mounted = false
  beforeEach(async function () {
    lab = await startJobLab()
    mkdirSync(lab.data)
    mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "datamaestro-test", lab.data]).status === 0
    if (!mounted) this.skip()
  })
  afterEach(async () => {
    if (mounted) execFileSync("umount", ["-l", lab.data])
    await lab.close()
  })
  const run = (...args: string[]): Promise<CommandRun> => datamaestro(args, { env: lab.env })

  it("is told by attach, from the same folder that is full, and continued by the next run", async () => {
    // Lengths that no server tells: the disk fills while they come.
    for (const index of [0, 1, 2]) lab.origin.route(`/3/${index}`, { body: "x".repeat(3_000_000), length: "chunked" })
    const job = (await run("prepare", "--detach", lab.dataset(3))).stdout.trim()
    const attached = await run("jobs", "attach", job)
    expect(attached.status, attached.stderr).to.equal(6)
    expect(attached.stderr)
      .to.match(/no space left on the device/)
      .and.match(/free some space/)
    expect((await run("jobs", "list")).stdout).to.match(/\tfailed\t/)
    // What lies in the way of everything else as well.
    const other = await run("prepare", lab.dataset(0.2))
    expect(other.status, other.stderr).to.equal(6)
    execFileSync("mount", ["-o", "remount,size=50m", lab.data])
    expect((await run("prepare", lab.dataset(0.2))).status).to.equal(0)
  })
})
