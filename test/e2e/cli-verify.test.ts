import { expect } from "chai"
import { appendFile, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { datamaestro } from "../helpers/command-line.ts"
import { writeRepositoryPackage } from "../helpers/repository-package.ts"
import { sampleRepository, type SampleRepository } from "../helpers/sample-repository.ts"

describe("verifying by the command line", () => {
  let sample: SampleRepository
  let folder: string
  beforeEach(async () => {
    sample = await sampleRepository()
    folder = join(sample.folder, "data", "data", "sample", "org", "one")
  })
  afterEach(() => sample.close())

  const run = (...args: string[]): ReturnType<typeof datamaestro> => datamaestro(args, { env: sample.env })

  it("confirms what is as it was prepared, dot files aside", async () => {
    await run("prepare", "org.one")
    await writeFile(join(folder, ".DS_Store"), "")
    const { status, stdout, stderr } = await run("verify", "org.one")
    expect(status, stderr).to.equal(0)
    expect(stdout).to.equal("org.one\tsound\t1\n")
  })

  it("tells what was changed, though its size is the same", async () => {
    await run("prepare", "org.one", "org.two")
    const path = join(folder, "one.txt")
    const text = await readFile(path, "utf8")
    await writeFile(path, text.toUpperCase())
    const { status, stdout, stderr } = await run("verify", "org.one", "org.two")
    expect(status).to.equal(5)
    expect(stdout).to.match(/^org\.one\tsound\t0\norg\.one\tchanged\t.*one\.txt\tits SHA-256/m)
    expect(stdout).to.match(/^org\.two\tsound\t1$/m)
    expect(stderr).to.contain("prepare --force org.one")
    await appendFile(path, "more")
    expect((await run("verify", "org.one")).stdout).to.match(/\tchanged\t.* bytes, wanted \d+$/m)
  })

  it("tells what is missing and what was added", async () => {
    await run("prepare", "org.one")
    await rm(join(folder, "one.txt"))
    await writeFile(join(folder, "extra.txt"), "x")
    await run("prepare", "org.two")
    const { status, stdout } = await run("--json", "verify", "org.one")
    expect(status).to.equal(5)
    expect(JSON.parse(stdout)).to.deep.equal({
      id: "org.one",
      repository: "sample",
      sound: 0,
      unverified: [],
      changed: [],
      missing: [join(folder, "one.txt")],
      added: [join(folder, "extra.txt")],
      damaged: ["org.one"],
    })
  })

  it("says how to prepare again what a dataset refers to", async () => {
    const plugin = await writeRepositoryPackage(sample.folder, {
      id: "referring",
      files: {
        "lib/index.js": `
          import { Repository, defineDataset, file, reference, textFile } from "@datamaestro/dataset"
          const first = defineDataset({ id: "org.first", resources: { text: file("${sample.url}first.txt") },
            describe: ({ text }) => textFile(text) })
          const user = defineDataset({ id: "org.user",
            resources: { first: reference(first), text: file("${sample.url}user.txt") },
            describe: ({ text }) => textFile(text) })
          export class MyRepository extends Repository {
            static NAMESPACE = "referring"
            static DESCRIPTION = "One refers to another"
            static datasets = { "org.first": () => first, "org.user": () => user }
          }`,
      },
    })
    const env = { ...sample.env, DATAMAESTRO_REPOSITORY_PATH: plugin }
    await datamaestro(["prepare", "org.user"], { env })
    await appendFile(join(sample.folder, "data/data/referring/org/first/first.txt"), "more")
    const damaged = await datamaestro(["verify", "org.user"], { env })
    expect(damaged.status).to.equal(5)
    const [, ids = ""] = /`datamaestro prepare --force (.*)`/.exec(damaged.stderr) ?? []
    await datamaestro(["prepare", "--force", ...ids.split(" ")], { env })
    const again = await datamaestro(["verify", "org.user"], { env })
    expect(again.status, again.stderr).to.equal(0)
  })

  it("tells of a link that leads nowhere, or to itself, as missing", async () => {
    await run("prepare", "org.one")
    for (const target of ["nothing", "one.txt"]) {
      await rm(join(folder, "one.txt"))
      await symlink(target, join(folder, "one.txt"))
      const { status, stdout } = await run("verify", "org.one")
      expect([status, stdout]).to.deep.equal([5, `org.one\tsound\t0\norg.one\tmissing\t${join(folder, "one.txt")}\n`])
    }
  })

  it("asks to prepare first what is not prepared, and verifies the others", async () => {
    await run("prepare", "org.two")
    const { status, stdout, stderr } = await run("verify", "org.one", "org.two")
    expect(status).to.equal(7)
    expect(stdout).to.equal("org.two\tsound\t1\n")
    expect(stderr).to.contain("datamaestro prepare org.one")
  })

  it("counts what was adopted without a sum as unverified, and lists it with --json", async () => {
    await run("prepare", "org.one")
    for (const name of [".manifest.json", ".state.json"]) await rm(join(folder, name))
    await run("prepare", "org.one")
    const { status, stdout } = await run("verify", "org.one")
    expect(status).to.equal(0)
    expect(stdout).to.equal("org.one\tsound\t0\norg.one\tunverified\t1\n")
    const { unverified } = JSON.parse((await run("--json", "verify", "org.one")).stdout) as { unverified: string[] }
    expect(unverified).to.deep.equal([join(folder, "one.txt")])
  })
})
