import { expect } from "chai"
import { mkdir, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { datamaestro } from "../helpers/command-line.ts"
import { sampleRepository, type SampleRepository } from "../helpers/sample-repository.ts"

const INDEX = `const { defineDataset, file, Repository, textFile } = require("@datamaestro/dataset")
exports.Common = class extends Repository {
  static NAMESPACE = "common"
  static datasets = {
    "org.common": async () => defineDataset({
      id: "org.common", resources: { data: file("https://e.org/a") }, describe: ({ data }) => textFile(data),
    }),
  }
}`

describe("a repository in CommonJS, by the command line", () => {
  let sample: SampleRepository
  before(async () => {
    sample = await sampleRepository()
    const folder = join(sample.folder, "common")
    await mkdir(folder)
    // As npm installs it: the words of definitions are there once, for this package and for the ES modules beside it.
    await symlink(join(sample.folder, "plugin", "node_modules"), join(folder, "node_modules"))
    const datamaestro = { repositories: { common: "./index.js#Common" } }
    await writeFile(join(folder, "package.json"), JSON.stringify({ name: "common", version: "1.0.0", datamaestro }))
    await writeFile(join(folder, "index.js"), INDEX)
    sample.env["DATAMAESTRO_REPOSITORY_PATH"] += `:${folder}`
  })
  after(() => sample.close())

  it("is loaded while those beside it are, whose words of definitions are the same module", async () => {
    const all = await datamaestro(["repositories"], { env: sample.env })
    expect(all.stderr).to.equal("")
    expect(all.stdout)
      .to.match(/^common\tcommon\tcommon@1\.0\.0\t1\t/m)
      .and.match(/^sample\t/m)
    const found = await datamaestro(["search", "org"], { env: sample.env })
    expect(found.stderr).to.equal("")
    expect(found.stdout).to.match(/^org\.common\t/m)
  })
})
