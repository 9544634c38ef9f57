import { expect } from "chai"
import { execFile, execFileSync, spawnSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { cp, mkdir, readFile, statfs, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { datamaestro } from "../helpers/command-line.ts"
import { writeRepositoryPackage } from "../helpers/repository-package.ts"
import { sampleRepository, type SampleRepository } from "../helpers/sample-repository.ts"

const ROOT = fileURLToPath(new URL("../..", import.meta.url))

const TSCONFIG = {
  compilerOptions: {
    target: "es2023",
    module: "nodenext",
    rootDir: "src",
    outDir: "dist",
    declaration: true,
    strict: true,
    skipLibCheck: true,
    types: [],
    rewriteRelativeImportExtensions: true,
  },
  include: ["src"],
}

describe("authoring by the command line", function () {
  this.timeout(60_000)
  let sample: SampleRepository
  beforeEach(async () => void (sample = await sampleRepository()))
  afterEach(() => sample.close())

  /** A package in TypeScript that nobody has built yet. */
  async function typescriptPackage(): Promise<string> {
    const folder = await writeRepositoryPackage(sample.folder, {
      id: "group",
      files: {
        "package.json": JSON.stringify({
          name: "group-datasets",
          version: "1.0.0",
          type: "module",
          datamaestro: { repositories: { group: "./dist/index.js#GroupRepository" } },
        }),
        "tsconfig.json": JSON.stringify(TSCONFIG),
        "src/index.ts": `import { Repository } from "@datamaestro/dataset"

export class GroupRepository extends Repository {
  static override readonly NAMESPACE = "group"
  static override readonly datasets = {}
}
`,
      },
    })
    await symlink(join(ROOT, "node_modules/typescript"), join(folder, "node_modules/typescript"))
    return folder
  }

  it("creates a dataset of a package in JavaScript that is found at once, and overwrites nothing", async () => {
    const plugin = await writeRepositoryPackage(sample.folder, { id: "mine" })
    const env = { ...sample.env, DATAMAESTRO_REPOSITORY_PATH: plugin }
    const { status, stdout, stderr } = await datamaestro(
      ["create-dataset", "mine", "https://www.e.org/data/Flowers.csv.gz"],
      { env },
    )
    expect(status, stderr).to.equal(0)
    expect(stdout).to.equal(`${join(plugin, "lib/org.e.flowers.js")}\n`)
    const info = await datamaestro(["info", "org.e.flowers"], { env })
    expect(info.stdout, info.stderr).to.contain("repository: mine").and.contain("from https://www.e.org/data/Flowers")
    expect((await datamaestro(["info", "org.example.mine"], { env })).status).to.equal(0)

    const written = await readFile(stdout.trim(), "utf8")
    const again = await datamaestro(["create-dataset", "mine", "org.e.flowers"], { env })
    expect(again.status).to.equal(2)
    expect(again.stderr).to.contain("has it already")
    expect(await readFile(stdout.trim(), "utf8")).to.equal(written)
  })

  for (const [what, free] of [
    ["the definition", 0],
    ["the module that registers it", 4096],
  ] as const) {
    it(`leaves a package as it was where its disk has no space for ${what}`, async function () {
      const disk = join(sample.folder, "disk")
      await mkdir(disk)
      if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=128k", "datamaestro-test", disk]).status !== 0) this.skip()
      try {
        const plugin = await writeRepositoryPackage(disk, { id: "mine" })
        const list = () => readdirSync(plugin, { recursive: true }).sort()
        const before = list()
        const { bavail, bsize } = await statfs(disk)
        await writeFile(join(disk, "filler"), Buffer.alloc(bavail * bsize - free))
        const { status, stderr } = await datamaestro(["create-dataset", "mine", "org.e.flowers"], {
          env: { ...sample.env, DATAMAESTRO_REPOSITORY_PATH: plugin },
        })
        expect(status, stderr).to.equal(6)
        expect(stderr).to.match(/Cannot write ".*\/lib\/[a-z.]+\.js": no space left on device\n/)
        expect(list()).to.deep.equal(before)
      } finally {
        execFileSync("umount", ["-l", disk])
      }
    })
  }

  it("creates one of a package in TypeScript: its compiler takes it, and it is found", async () => {
    const folder = await typescriptPackage()
    const env = { ...sample.env, DATAMAESTRO_REPOSITORY_PATH: folder }
    for (const name of ["org.e.images.tar.gz", "table.csv", "texts.zip"]) {
      const url = `https://e.org/${name}`
      const created = await datamaestro(["--json", "create-dataset", "group", url], { env })
      expect(created.status, created.stderr).to.equal(0)
      const { id } = JSON.parse(created.stdout) as { id: string }
      expect((await datamaestro(["info", id], { env })).stdout).to.contain(url)
    }
    const tsc = join(folder, "node_modules/typescript/bin/tsc")
    await promisify(execFile)(process.execPath, [tsc, "-p", folder, "--noEmit"])
    const checked = await datamaestro(["check-repository", folder], { env: sample.env })
    expect(checked.stdout, checked.stderr).to.match(/ok\tgroup\t3 datasets, 3 variants, 0 errors, 3 warnings\n$/)
  })

  it("creates one of a package in CommonJS, which imports it", async () => {
    const folder = await writeRepositoryPackage(sample.folder, {
      id: "common",
      files: {
        "package.json": JSON.stringify({
          name: "common",
          version: "1.0.0",
          type: "commonjs",
          datamaestro: { repositories: { common: "./lib/index.js#Common" } },
        }),
        "lib/index.js": `const { Repository } = require("@datamaestro/dataset")
class Common extends Repository {
  static NAMESPACE = "common"
  static datasets = {}
}
module.exports = { Common }
`,
      },
    })
    const env = { ...sample.env, DATAMAESTRO_REPOSITORY_PATH: folder }
    const { status, stdout, stderr } = await datamaestro(["create-dataset", "common", "org.e.flowers"], { env })
    expect(status, stderr).to.equal(0)
    expect(stdout).to.equal(`${join(folder, "lib/org.e.flowers.mjs")}\n`)
    expect((await datamaestro(["info", "org.e.flowers"], { env })).stdout).to.contain("repository: common")
  })

  it("says what stands in the way", async () => {
    const env = sample.env
    const of = async (...args: string[]) => await datamaestro(["create-dataset", ...args], { env })
    const unknown = await of("nope", "org.x")
    expect(unknown.status).to.equal(3)
    expect(unknown.stderr).to.contain("sample")
    expect((await of("sample", "no id")).status).to.equal(2)
    expect((await of("org.only")).stderr).to.contain("default_repository")
    for (const hereOnly of [["create-dataset", "sample", "org.x"], ["check-repository"]]) {
      const remote = await datamaestro(["--host", "no-such-host.invalid", ...hereOnly], { env })
      expect(remote).to.include({ status: 2, stdout: "" })
      expect(remote.stderr).to.match(/on a host: .*\n  hint: leave --host out/)
    }

    const installed = join(sample.folder, "project/node_modules/sample")
    await mkdir(join(sample.folder, "project/node_modules"), { recursive: true })
    await cp(env["DATAMAESTRO_REPOSITORY_PATH"] ?? "", installed, { recursive: true })
    const readOnly = await datamaestro(["create-dataset", "sample", "org.x"], {
      env: { ...env, DATAMAESTRO_REPOSITORY_PATH: installed },
    })
    expect(readOnly.status).to.equal(6)
    expect(readOnly.stderr).to.contain("installed package")
  })

  it("takes the default repository of the user settings", async () => {
    await mkdir(join(sample.folder, "config/datamaestro"), { recursive: true })
    await writeFile(join(sample.folder, "config/datamaestro/user.json"), `{"default_repository": "sample"}`)
    const { status, stderr } = await datamaestro(["create-dataset", "org.fresh"], { env: sample.env })
    expect(status, stderr).to.equal(0)
    expect((await datamaestro(["info", "org.fresh@sample"], { env: sample.env })).status).to.equal(0)
  })

  it("checks a package's folder: what is wrong by dataset, exit 6, and as JSON", async () => {
    const broken = await writeRepositoryPackage(sample.folder, {
      id: "broken",
      files: { "lib/thing.js": `throw new Error("boom")` },
    })
    const text = await datamaestro(["check-repository", broken], { env: sample.env })
    expect(text.status).to.equal(6)
    expect(text.stdout).to.match(
      /^error\torg\.example\.broken\t.*boom\nbroken\tbroken\t1 dataset, 0 variants, 1 error/m,
    )
    expect(text.stderr).to.contain("org.example.broken")
    const json = await datamaestro(["--json", "check-repository", broken], { env: sample.env })
    const [result] = JSON.parse(json.stdout) as { problems: { dataset: string; level: string }[] }[]
    expect(result?.problems).to.have.length(1)
    expect(result?.problems[0]).to.include({ level: "error", dataset: "org.example.broken" })
    const none = await datamaestro(["check-repository", sample.folder], { env: sample.env })
    expect(none.status).to.equal(3)
    expect(none.stderr).to.contain("no package with repositories")
    await writeFile(join(broken, "package.json"), "")
    const empty = await datamaestro(["check-repository", broken], { env: sample.env })
    expect(empty.status).to.equal(6)
    expect(empty.stderr).to.contain(`${join(broken, "package.json")}": line 1, column 1: value expected`)
  })

  it("names a repository that can't be loaded where a dataset is not found", async () => {
    const broken = await writeRepositoryPackage(sample.folder, {
      id: "broken",
      files: { "lib/index.js": `throw new Error("no such GPU")` },
    })
    const { status, stderr } = await datamaestro(["info", "org.example.broken"], {
      env: { ...sample.env, DATAMAESTRO_REPOSITORY_PATH: broken },
    })
    expect(status).to.equal(3)
    expect(stderr).to.match(/Cannot find dataset .*"broken": its module can't be loaded: no such GPU/)
  })
})
