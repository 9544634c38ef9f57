import { expect } from "chai"
import { readFile, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { datamaestro } from "../helpers/command-line.ts"
import { startOrigin } from "../helpers/origin.ts"
import { PluginPackages } from "../helpers/plugin-packages.ts"
import { sampleRepository, type SampleRepository } from "../helpers/sample-repository.ts"

interface Checked {
  datasets: { id: string; resources: { sources: { ok: boolean; status: number; error?: string }[] }[] }[]
}

describe("checking sources by the command line", () => {
  let sample: SampleRepository
  beforeEach(async () => void (sample = await sampleRepository()))
  afterEach(() => sample.close())

  it("tells of every source whether it is there, and exits 4 for what is gone", async () => {
    const { status, stdout, stderr } = await datamaestro(["check", "sample"], { env: sample.env })
    expect(status, stderr).to.equal(4)
    const { datasets } = JSON.parse(stdout) as Checked
    expect(datasets.map(({ id }) => id)).to.include.members(["org.endless", "org.gone", "org.one"])
    const source = (wanted: string) => datasets.find(({ id }) => id === wanted)?.resources[0]?.sources[0]
    expect(source("org.one")).to.include({ ok: true, status: 200 })
    expect(source("org.gone")).to.include({ ok: false, status: 404 })
  })

  it("writes a file instead, -o before the command still being ssh's", async () => {
    const file = join(sample.folder, "result.json")
    const { stdout } = await datamaestro(["check", "sample", "-o", file], { env: sample.env })
    expect(stdout).to.equal("")
    expect((JSON.parse(await readFile(file, "utf8")) as Checked).datasets).to.have.length(5)
    const { status } = await datamaestro(["-o", "Port=1", "check", "sample"], { env: sample.env })
    expect(status).to.equal(2)
  })

  it("asks for all variants, exits 0 where an alternative works, and asks again where HEAD is refused or a server is busy", async () => {
    await using plugins = await PluginPackages.create()
    const origin = await startOrigin({
      "/a-50.txt": { body: "a" },
      "/a-100.txt": { body: "a", fail: { status: 503, times: 1 } },
      "/b.txt": { body: "content", fail: { status: 405, times: 1 } },
    })
    try {
      const { module } = await plugins.addDatasets("mine", {
        "org.vary": `defineDataset({
          id: "org.vary", axes: { dim: axis([50, 100]), how: axis(["a", "b"], { inId: false }) },
          resources: ({ dim }) => ({ text: file("${origin.url}/a-" + dim + ".txt") }),
          describe: ({ text }, { how }) => ({ how, text: textFile(text) }),
        })`,
        "org.mirrored": `defineDataset({
          id: "org.mirrored", resources: { text: file(["${origin.url}/dead.txt", "${origin.url}/b.txt"]) },
          describe: ({ text }) => textFile(text),
        })`,
      })
      const folder = dirname(module.kind === "file" ? module.path : "")
      const declared = {
        name: "mine",
        type: "module",
        datamaestro: { repositories: { mine: "./index.js#MyRepository" } },
      }
      await writeFile(join(folder, "package.json"), JSON.stringify(declared))
      const env = { ...sample.env, DATAMAESTRO_REPOSITORY_PATH: folder }
      const { status, stdout, stderr } = await datamaestro(["check", "mine"], { env })
      expect(status, stderr).to.equal(0)
      const { datasets } = JSON.parse(stdout) as Checked
      expect(datasets.map(({ id }) => id)).to.deep.equal(["org.mirrored", "org.vary[dim=50]", "org.vary[dim=100]"])
      expect(datasets[0]?.resources).to.deep.equal([
        {
          name: "text",
          ok: true,
          sources: [
            { url: origin.at("/dead.txt"), ok: false, status: 404, error: "the server answered 404" },
            { url: origin.at("/b.txt"), ok: true, status: 206, size: 7 },
          ],
        },
      ])
      expect(datasets[2]?.resources[0]?.sources[0]).to.include({ ok: true, status: 200, size: 1 })
      expect(stderr).to.contain(`"${origin.at("/dead.txt")}" of dataset "org.mirrored" can't be had`)
      expect(origin.requestsOf("/b.txt").map(({ method, headers }) => [method, headers.range])).to.deep.equal([
        ["HEAD", undefined],
        ["GET", "bytes=0-0"],
      ])
    } finally {
      await origin.close()
    }
  })

  it("says which repositories there are when it is none", async () => {
    const { status, stderr } = await datamaestro(["check", "nope"], { env: sample.env })
    expect(status).to.equal(3)
    expect(stderr).to.contain("sample")
  })
})
