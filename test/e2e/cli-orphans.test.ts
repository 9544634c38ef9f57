import { expect } from "chai"
import { existsSync } from "node:fs"
import { mkdir, symlink, utimes, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { datamaestro, LAUNCHER } from "../helpers/command-line.ts"
import { hasPseudoTerminal, inTerminal } from "../helpers/pseudo-terminal.ts"
import { sampleRepository, type SampleRepository } from "../helpers/sample-repository.ts"

describe("orphans by the command line", () => {
  let sample: SampleRepository
  let at: (path: string) => string
  beforeEach(async () => {
    sample = await sampleRepository()
    at = (path) => join(sample.folder, "data", "data", path)
  })
  afterEach(() => sample.close())

  const run = (...args: string[]): ReturnType<typeof datamaestro> =>
    datamaestro(args, { env: sample.env, detached: true })
  const put = async (path: string, content = "12345"): Promise<void> => {
    await mkdir(dirname(at(path)), { recursive: true })
    await writeFile(at(path), content)
  }

  it("are what no dataset has, and nothing that one has", async () => {
    await run("prepare", "org.one")
    await put("sample/org/one/extra/file.txt")
    await put("sample/org/two[dim=50]/file.txt")
    await put("sample/org/gone/1/file.txt")
    await put("sample/org/removed/.state.json", "{}")
    await put("sample/org/removed/below/file.txt")
    await put("sample/com/example/old/file.txt")
    await put("nobody/org/thing/file.txt")
    await put("__custom__/mine/file.txt")
    await mkdir(at("sample/org/empty/folder"), { recursive: true })
    const { status, stdout, stderr } = await run("orphans")
    expect(status, stderr).to.equal(0)
    expect(stdout.trimEnd().split("\n")).to.deep.equal([
      at("nobody/org/thing"),
      at("sample/com/example/old"),
      at("sample/org/removed"),
    ])
    expect(stderr).to.contain("__custom__")
  })

  it("come with their size, and none is no failure", async () => {
    expect((await run("orphans")).stdout).to.equal("")
    await put("sample/org/removed/a/file.txt")
    await put("sample/org/removed/file.txt", "123")
    expect((await run("orphans", "--size")).stdout).to.equal(`8\t${at("sample/org/removed")}\n`)
    const { stdout } = await run("--json", "orphans", "--size")
    expect(JSON.parse(stdout)).to.deep.equal([{ path: at("sample/org/removed"), bytes: 8 }])
  })

  it("of a repository that can't be loaded are not told", async () => {
    await put("sample/org/removed/file.txt")
    await writeFile(join(sample.folder, "plugin", "index.js"), "throw new Error('broken')")
    const { status, stdout, stderr } = await run("orphans")
    expect(status).to.equal(0)
    expect(stdout).to.equal("")
    expect(stderr).to.contain(at("sample")).and.to.contain("broken")
  })

  it("inside the folder of a known dataset are found, and those being prepared left alone", async () => {
    await run("prepare", "org.one")
    await put("sample/org/one/old/.state.json", "{}")
    await put("sample/org/busy/.state.lease", "{}")
    const first = await run("orphans")
    expect(first.stdout).to.equal(`${at("sample/org/one/old")}\n`)
    expect(first.stderr).to.contain("preparing")
    const past = new Date(Date.now() - 3600_000)
    await utimes(at("sample/org/busy/.state.lease"), past, past)
    expect((await run("orphans")).stdout).to.contain(at("sample/org/busy"))
    // Not a lock as we write them: nobody can tell.
    await put("sample/org/odd/.state.lease/file.txt")
    expect((await run("orphans")).stdout).not.to.contain(at("sample/org/odd"))
  })

  it("are removed only when told to, links not followed", async () => {
    await run("prepare", "org.one")
    await put("sample/com/removed/file.txt")
    const precious = join(sample.folder, "precious")
    await mkdir(precious)
    await writeFile(join(precious, "file.txt"), "")
    await symlink(precious, at("sample/com/removed/link"))
    await symlink(precious, at("sample/org/linked"))
    expect((await run("orphans", "--force")).status).to.equal(2)
    const refused = await run("orphans", "--delete")
    expect(refused.status).to.equal(2)
    expect(refused.stderr).to.contain("--force")
    expect(existsSync(at("sample/com/removed/file.txt"))).to.equal(true)
    const { status, stdout, stderr } = await run("orphans", "--delete", "--force")
    expect(status, stderr).to.equal(0)
    expect(stdout).to.equal(`${at("sample/com/removed")}\n${at("sample/org/linked")}\n`)
    expect(existsSync(at("sample/com"))).to.equal(false)
    expect(existsSync(at("sample/org/one/one.txt"))).to.equal(true)
    expect(existsSync(join(precious, "file.txt"))).to.equal(true)
  })

  it("are asked about on a terminal", async function () {
    if (!hasPseudoTerminal) return this.skip()
    await put("sample/com/removed/file.txt")
    const line = `"${process.execPath}" "${LAUNCHER}" orphans --delete`
    const env = { ...process.env, ...sample.env }
    expect((await inTerminal(line, [["Remove this (", "n\r"]], env)).status).to.equal(0)
    expect(existsSync(at("sample/com/removed"))).to.equal(true)
    expect((await inTerminal(line, [["[y/N]", "y\r"]], env)).status).to.equal(0)
    expect(existsSync(at("sample/com/removed"))).to.equal(false)
  })
})
