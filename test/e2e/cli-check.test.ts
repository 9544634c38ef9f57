import { expect } from "chai"
import { existsSync } from "node:fs"
import { mkdir, readFile, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { datamaestro } from "../helpers/command-line.ts"
import { startOrigin } from "../helpers/origin.ts"
import { PluginPackages } from "../helpers/plugin-packages.ts"
import { sampleRepository, type SampleRepository } from "../helpers/sample-repository.ts"

type Checked = { dataset: string; resource: string; status: string }[]

describe("checking sources by the command line", () => {
  let sample: SampleRepository
  beforeEach(async () => void (sample = await sampleRepository()))
  afterEach(() => sample.close())

  it("tells of every source whether it is there, and exits 4 for what is gone", async () => {
    const { status, stdout, stderr } = await datamaestro(["check", "sample"], { env: sample.env })
    expect(status, stderr).to.equal(4)
    expect(stderr).to.match(/^sample: checking(, \d+ %)?, \d+ of \d+ sources$/m)
    const entries = JSON.parse(stdout) as Checked
    expect(entries.map(({ dataset }) => dataset)).to.include.members(["org.endless", "org.gone", "org.one"])
    const entry = (wanted: string) => entries.find(({ dataset }) => dataset === wanted)
    expect(entry("org.one")).to.include({ resource: "text", resource_type: "file", status: "ok", message: "HTTP 200" })
    expect(entry("org.gone")).to.include({
      resource: "text",
      resource_type: "file",
      status: "failed",
      message: "HTTP 404",
    })
  })

  it("writes a file instead, -o before the command still being ssh's", async () => {
    const file = join(sample.folder, "result.json")
    const { stdout } = await datamaestro(["check", "sample", "-o", file], { env: sample.env })
    expect(stdout).to.equal("")
    expect(JSON.parse(await readFile(file, "utf8")) as Checked).to.have.length(5)
    // As what a shell writes: whoever shares the folder may read it.
    if (process.platform !== "win32") expect((await stat(file)).mode & 0o777).to.equal(0o666 & ~process.umask())
    const { status } = await datamaestro(["-o", "Port=1", "check", "sample"], { env: sample.env })
    expect(status).to.equal(2)
    const unwritable = await datamaestro(["check", "sample", "-o", `${file}/below`], { env: sample.env })
    expect(unwritable.status).to.equal(6)
    expect(JSON.parse(unwritable.stdout) as Checked).to.have.length(5)
    expect(unwritable.stderr).to.match(
      /Cannot write ".*below": (not a directory|file already exists)\n {2}hint: choose/,
    )
    const missing = join(sample.folder, "none")
    const nowhere = await datamaestro(["check", "sample", "-o", join(missing, "result.json")], { env: sample.env })
    expect(nowhere.status, nowhere.stderr).to.equal(6)
    expect(existsSync(missing)).to.equal(false)
  })

  it("asks for all variants, exits 0 where an alternative works, and asks again where HEAD is refused or a server is busy", async () => {
    await using plugins = await PluginPackages.create()
    const origin = await startOrigin({
      "/a-50.txt": { body: "a" },
      "/a-100.txt": { body: "a", fail: { status: 503, times: 1 } },
      "/b.txt": { body: "content", fail: { status: 405, times: 1 } },
    })
    try {
      await plugins.addDatasets("mine", {
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
      const env = { ...sample.env, DATAMAESTRO_REPOSITORY_PATH: join(plugins.root, "mine") }
      const { status, stdout, stderr } = await datamaestro(["check", "mine"], { env })
      expect(status, stderr).to.equal(0)
      const entries = JSON.parse(stdout) as Checked
      expect(entries.map(({ dataset }) => dataset)).to.deep.equal([
        "org.mirrored",
        "org.vary[dim=50]",
        "org.vary[dim=100]",
      ])
      const working = { url: origin.at("/b.txt"), status: "ok", message: "HTTP 206", size: 7 }
      expect(entries[0]).to.deep.equal({
        dataset: "org.mirrored",
        resource: "text",
        resource_type: "file",
        ...working,
        sources: [{ url: origin.at("/dead.txt"), status: "failed", message: "HTTP 404" }, working],
      })
      expect(entries[2]).to.deep.equal({
        dataset: "org.vary[dim=100]",
        resource: "text",
        resource_type: "file",
        url: origin.at("/a-100.txt"),
        status: "ok",
        message: "HTTP 200",
        size: 1,
      })
      expect(stderr).to.contain(`"${origin.at("/dead.txt")}" of dataset "org.mirrored" can't be had`)
      expect(origin.requestsOf("/b.txt").map(({ method, headers }) => [method, headers.range])).to.deep.equal([
        ["HEAD", undefined],
        ["GET", "bytes=0-0"],
      ])
    } finally {
      await origin.close()
    }
  })

  it("calls a login page in the place of data gone, as well as an empty answer, and asks with the settings' tokens", async () => {
    await using plugins = await PluginPackages.create()
    const origin = await startOrigin({
      "/page.zip": { body: "", login: {} },
      "/said-only.csv": { body: "a,b", contentType: "text/html" },
      "/page": { body: "", login: {} },
      "/none.csv": { body: "", fail: { status: 204 } },
      "/private.csv": { body: "a,b", authorization: "Bearer secret" },
    })
    try {
      await plugins.addDatasets("mine", {
        "org.mine": `defineDataset({
          id: "org.mine",
          resources: {
            archive: zip("${origin.at("/page.zip")}"), table: file("${origin.at("/said-only.csv")}"),
            page: file("${origin.at("/page")}", { name: "page.html" }), none: file("${origin.at("/none.csv")}"),
            secret: file("${origin.at("/private.csv")}"),
          },
          describe: ({ page }) => textFile(page),
        })`,
      })
      const data = join(sample.folder, "of-check")
      await mkdir(data)
      await writeFile(join(data, "settings.json"), JSON.stringify({ tokens: { "127.0.0.1": "secret" } }))
      const env = { ...sample.env, DATAMAESTRO_REPOSITORY_PATH: join(plugins.root, "mine") }
      const { status, stdout } = await datamaestro(["--data", data, "check", "mine"], { env })
      expect(status).to.equal(4)
      const entries = JSON.parse(stdout) as (Checked[number] & { message: string })[]
      expect(entries.map(({ resource: name, status: found, message }) => [name, found, message])).to.deep.equal([
        ["archive", "failed", "the server sent an HTML page instead of the file"],
        ["table", "ok", "HTTP 200"],
        ["page", "ok", "HTTP 200"],
        ["none", "failed", "the server answered 204"],
        ["secret", "ok", "HTTP 200"],
      ])
    } finally {
      await origin.close()
    }
  })

  it("calls an error what could not be asked or planned", async () => {
    await using plugins = await PluginPackages.create()
    await plugins.addDatasets("mine", {
      "org.broken": `defineDataset({ id: "org.broken", resources: { x: file("ftp://x/y") }, describe: ({ x }) => textFile(x) })`,
      "org.nobody": `defineDataset({
        id: "org.nobody", resources: { x: file("http://127.0.0.1:1/x") }, describe: ({ x }) => textFile(x),
      })`,
    })
    const env = { ...sample.env, DATAMAESTRO_REPOSITORY_PATH: join(plugins.root, "mine") }
    const { status, stdout } = await datamaestro(["check", "mine"], { env })
    expect(status).to.equal(4)
    const [broken, nobody] = JSON.parse(stdout) as (Checked[number] & { message: string })[]
    expect(broken).to.include({ dataset: "org.broken", status: "error" }).and.not.have.property("resource")
    expect(broken?.message).to.contain('the scheme "ftp"')
    expect(nobody).to.include({ dataset: "org.nobody", resource: "x", status: "error" })
  })

  it("says which repositories there are when it is none", async () => {
    const { status, stderr } = await datamaestro(["check", "nope"], { env: sample.env })
    expect(status).to.equal(3)
    expect(stderr).to.contain("sample")
  })
})
