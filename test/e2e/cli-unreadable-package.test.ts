import { expect } from "chai"
import { mkdir, rm, writeFile } from "node:fs/promises"
import { delimiter, join } from "node:path"
import { datamaestro } from "../helpers/command-line.ts"
import { sampleRepository, type SampleRepository } from "../helpers/sample-repository.ts"

describe("a package that can't be read, by the command line", () => {
  let sample: SampleRepository
  let file: string
  let env: NodeJS.ProcessEnv
  beforeEach(async () => {
    sample = await sampleRepository()
    const folder = join(sample.folder, "broken")
    file = join(folder, "package.json")
    await mkdir(folder)
    await writeFile(file, '{ "datamaestro": ')
    env = {
      ...sample.env,
      DATAMAESTRO_REPOSITORY_PATH: [folder, sample.env["DATAMAESTRO_REPOSITORY_PATH"]].join(delimiter),
    }
  })
  afterEach(() => sample.close())

  it("is named by what looks over all, and hides no other", async () => {
    for (const [args, line] of [
      [["repositories"], /^sample\tSample datasets\t/m],
      [["search", "org.one"], /^org\.one\tsample\t/m],
    ] as const) {
      const { status, stdout, stderr } = await datamaestro(args, { env })
      expect(status, stderr).to.equal(0)
      expect(stdout).to.match(line)
      expect(stderr).to.contain(file)
    }
    const { status, stderr } = await datamaestro(["prepare", "org.one"], { env })
    expect(status, stderr).to.equal(0)
    expect(stderr).not.to.contain(file)
  })

  it("that can't be loaded is told with the next step, and is an error where it is the one that was asked for", async () => {
    await rm(join(sample.folder, "plugin", "node_modules"), { recursive: true })
    const all = await datamaestro(["search", "org"], { env: sample.env })
    expect(all.status, all.stderr).to.equal(0)
    expect(all.stderr).to.match(/^warning: Cannot load repository "sample".*npm install/m)
    const named = await datamaestro(["search", "repo:sample"], { env: sample.env })
    expect(named.status, named.stderr).to.equal(6)
    expect(named.stderr).to.match(
      /^error: Cannot load repository "sample": .*@datamaestro\/dataset.*\n {2}hint: .*npm install/m,
    )
  })

  it("is named where something is not found: it may be there", async () => {
    for (const args of [
      ["prepare", "org.unknown"],
      ["info", "org.unknown@broken"],
      ["check", "broken"],
      ["create-dataset", "broken", "org.unknown"],
    ]) {
      const { status, stderr } = await datamaestro(args, { env })
      expect(status, args.join(" ")).to.equal(3)
      expect(stderr).to.contain(file)
    }
  })

  it("keeps what may be its data from being taken for orphans", async () => {
    const theirs = join(sample.folder, "data", "data", "broken", "org", "thing")
    await mkdir(theirs, { recursive: true })
    await writeFile(join(theirs, "file.txt"), "12345")
    const { status, stdout, stderr } = await datamaestro(["orphans", "--delete", "--force"], { env })
    expect(status, stderr).to.equal(0)
    expect(stdout).to.equal("")
    expect(stderr).to.contain(file)
  })
})
