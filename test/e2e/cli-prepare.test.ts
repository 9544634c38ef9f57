import { expect } from "chai"
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { datamaestro, LAUNCHER } from "../helpers/command-line.ts"
import { until } from "../helpers/job-lab.ts"
import { hasPseudoTerminal, inTerminal } from "../helpers/pseudo-terminal.ts"
import { sampleRepository, type SampleRepository } from "../helpers/sample-repository.ts"

describe("preparing by the command line", () => {
  let sample: SampleRepository
  let path: (id: string, file: string) => string
  beforeEach(async () => {
    sample = await sampleRepository()
    path = (id, file) => join(sample.folder, "data", "data", "sample", "org", id, file)
  })
  afterEach(() => sample.close())

  const run = (...args: string[]): ReturnType<typeof datamaestro> => datamaestro(args, { env: sample.env })

  it("prints one JSON object on stdout, and plain lines on stderr", async () => {
    const { status, stdout, stderr } = await run("prepare", "org.one")
    expect(status, stderr).to.equal(0)
    expect(JSON.parse(stdout)).to.deep.equal({ train: { path: path("one", "one.txt") }, id: "org.one" })
    expect(stdout.trimEnd().split("\n")).to.have.length(1)
    expect(await readFile(path("one", "one.txt"), "utf8")).to.equal("content of /one.txt")
    expect(stderr)
      .to.match(/^org\.one: preparing$/m)
      .and.match(/^org\.one text: downloaded/m)
    expect(stderr).not.to.match(/[\0-\x09\x0b-\x1f]/)
  })

  it("writes paths and types for experimaestro", async () => {
    const { stdout } = await run("prepare", "--encoder", "xpm", "org.one")
    const { train } = JSON.parse(stdout) as { train: { $type: string; path: unknown } }
    expect(train.path).to.deep.equal({ $type: "path", $value: path("one", "one.txt") })
    expect(train.$type).to.be.a("string")
  })

  it("attempts all ids, prints what succeeded as an array, and exits as the first failure", async () => {
    const { status, stdout, stderr } = await run("prepare", "org.two", "org.gone", "nope", "org.one")
    expect(status).to.equal(4)
    expect((JSON.parse(stdout) as { id: string }[]).map(({ id }) => id)).to.deep.equal(["org.two", "org.one"])
    expect(stderr.match(/^error: /gm)).to.have.length(2)
  })

  it("says nothing when quiet, save for errors", async () => {
    expect((await run("--quiet", "prepare", "org.one")).stderr).to.equal("")
    expect((await run("--quiet", "prepare", "nope")).stderr).to.match(/^error: /)
  })

  it("prints no value for download", async () => {
    expect((await run("download", "org.one")).stdout).to.equal("")
    expect((await run("--no-downloads", "x")).status).to.equal(2)
    expect((await run("prepare", "--no-downloads", "org.one")).status).to.equal(0)
    expect((await run("prepare", "--no-downloads", "org.two")).status).to.equal(7)
  })

  it("tells events and errors as JSON lines with --json", async () => {
    const { status, stdout, stderr } = await run("--json", "prepare", "org.one", "nope")
    expect(status).to.equal(3)
    expect(JSON.parse(stdout)).to.be.an("array").with.length(1)
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines).to.deep.include({ type: "progress", phase: "dataset", dataset: "org.one", state: "started" })
    expect(lines.find(({ type }) => type === "error")).to.include({ code: "UNKNOWN_DATASET", exit: 3 })
  })

  it("finds an id without its domain in the default repository first", async () => {
    await mkdir(join(sample.folder, "config", "datamaestro"), { recursive: true })
    await writeFile(join(sample.folder, "config", "datamaestro", "user.json"), '{"default_repository": "sample"}')
    const { stdout, stderr } = await run("prepare", "one")
    expect(JSON.parse(stdout), stderr).to.include({ id: "org.one" })
  })

  it("finds repositories and searches them, also when the agent starts from cached code", async () => {
    for (let start = 0; start < 3; start++) {
      expect((await run("search", "repo:sample", "\\.one$")).stdout).to.match(/^org\.one\tsample\t/)
    }
    expect((await run("repositories")).stdout).to.match(/^sample\tSample datasets\tdatamaestro-sample@1\.0\.0\t5\t/m)
  })

  it("tells with --dry-run what it would do, and does nothing", async () => {
    const { stdout } = await run("prepare", "--dry-run", "org.one")
    expect(stdout).to.match(/^org\.one\tdownload\ttext\thttp:\/\/127\.0\.0\.1:\d+\/one\.txt\t/)
    expect(JSON.parse((await run("info", "--json", "org.one")).stdout)).to.include({ state: "none" })
  })

  it("cancels on Ctrl-C with exit 130, leaves no lock, and the next call works", async () => {
    const prepareEndless = (): ReturnType<typeof datamaestro> =>
      datamaestro(["prepare", "org.endless"], {
        env: sample.env,
        signalWhen: { said: /org\.endless text: downloading/, signal: "SIGINT" },
      })
    const { status, stdout, stderr } = await prepareEndless()
    expect([status, stdout]).to.deep.equal([130, ""])
    expect(stderr).to.contain("error: Interrupted\n  hint: run the same command again")
    const left = async (): Promise<string[]> =>
      (await readdir(join(sample.folder, "data"), { recursive: true })).filter((name) => /\.(lock|lease)$/.test(name))
    // A job's own lease stays as the sign that nobody works on it any more.
    await until(async () => (await left()).every((name) => name.startsWith("jobs/")))
    expect((await prepareEndless()).status).to.equal(130)
  })

  describe("what needs an agreement", () => {
    it("exits 7 without a terminal, and says how to accept", async () => {
      const { status, stdout, stderr } = await runWithoutTerminal(sample)
      expect([status, stdout]).to.deep.equal([7, ""])
      expect(stderr).to.contain("https://licence.example").and.contain("--accept-agreement org.licence")
    })

    it("is told before a job is begun", async () => {
      const { status, stdout, stderr } = await runWithoutTerminal(sample, "--detach")
      expect([status, stdout]).to.deep.equal([7, ""])
      expect(stderr).to.contain("--accept-agreement org.licence")
      expect((await run("jobs", "list")).stdout).to.equal("")
    })

    it("takes the acceptance of the command line for this call", async () => {
      expect((await run("prepare", "--accept-agreement", "org.licence", "org.agreed")).status).to.equal(0)
    })

    it("asks on a terminal, and remembers the answer", async function () {
      if (!hasPseudoTerminal) this.skip()
      const line = `'${process.execPath}' '${LAUNCHER}' prepare org.agreed`
      const refused = await inTerminal(line, [["[y/N]", "n\r"]], { ...process.env, ...sample.env })
      expect(refused.status, refused.screen).to.equal(7)
      const accepted = await inTerminal(line, [["[y/N]", "yes\r"]], { ...process.env, ...sample.env })
      expect(accepted.screen).to.contain("Be kind").and.contain("See https://licence.example")
      expect(accepted.status).to.equal(0)
      const settings = await readFile(join(sample.folder, "config", "datamaestro", "user.json"), "utf8")
      expect(settings).to.match(/"org\.licence": "\d{4}-\d\d-\d\dT/)
      expect((await run("prepare", "--force", "org.agreed")).status).to.equal(0)
    })
  })
})

/** In a session of its own there is no terminal to ask on, wherever the tests run. */
async function runWithoutTerminal(sample: SampleRepository, ...options: string[]): ReturnType<typeof datamaestro> {
  return await datamaestro(["prepare", ...options, "org.agreed"], { env: sample.env, detached: true })
}
