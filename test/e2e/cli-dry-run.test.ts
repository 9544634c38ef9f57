import { expect } from "chai"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { datamaestro } from "../helpers/command-line.ts"
import { startOrigin, type Origin } from "../helpers/origin.ts"
import { PluginPackages } from "../helpers/plugin-packages.ts"
import { sampleRepository, type SampleRepository } from "../helpers/sample-repository.ts"

interface Plan {
  work: { dataset: string; action: string; urls: string[]; bytes?: number }[]
  fetch: number
  unknown: number
  free: number
  fits: boolean
}

describe("prepare --dry-run", function () {
  this.timeout(30_000)
  let sample: SampleRepository
  let plugins: PluginPackages
  let origin: Origin
  let env: NodeJS.ProcessEnv
  beforeEach(async () => {
    sample = await sampleRepository()
    plugins = await PluginPackages.create()
    origin = await startOrigin({
      "/base.txt": { body: "base" },
      "/one.txt": { body: "content of one" },
      "/near/two.txt": { body: "two" },
    })
    await plugins.addDatasets("mine", {
      "org.base": `defineDataset({ id: "org.base", resources: { text: file("${origin.at("/base.txt")}") }, describe: ({ text }) => textFile(text) })`,
      "org.asked": `defineDataset({
        id: "org.asked",
        agreement: { id: "org.asked.terms", url: "https://e.org/terms" },
        resources: { corpus: sdk.manual("https://e.org/request", { name: "corpus.tgz", unpack: "tar", instructions: "Ask." }) },
        describe: ({ corpus }) => folder(corpus),
      })`,
      "org.placed": `defineDataset({
        id: "org.placed",
        resources: { words: sdk.datafolderPath("corpora", "words.txt") },
        describe: ({ words }) => textFile(words),
      })`,
      "org.all": `defineDataset({
        id: "org.all",
        resources: {
          base: reference({ id: "org.base" }),
          one: file(["${origin.at("/gone.txt")}", "${origin.at("/one.txt")}"], { name: "one.txt" }),
          two: file("https://unreachable.invalid/two.txt"),
          big: file("${origin.at("/big.bin")}", { size: 9e15 }),
          lost: file("${origin.at("/lost.bin")}"),
        },
        describe: ({ base, one, two, big, lost }) => ({ base: base.value, one, two, big, lost }),
      })`,
    })
    env = { ...sample.env, DATAMAESTRO_REPOSITORY_PATH: join(plugins.root, "mine") }
    await mkdir(join(sample.folder, "data"))
    const mirrors = { "https://unreachable.invalid/": origin.at("/near/") }
    await writeFile(join(sample.folder, "data/settings.json"), JSON.stringify({ mirrors }))
  })
  afterEach(async () => {
    await origin.close()
    await plugins[Symbol.asyncDispose]()
    await sample.close()
  })

  const plan = async (...args: string[]): Promise<Plan> => {
    const { stdout, stderr } = await datamaestro(["--json", "prepare", "--dry-run", ...args, "org.all"], { env })
    expect(stdout, stderr).not.to.equal("")
    return JSON.parse(stdout) as Plan
  }

  it("tells how many bytes, also of what is referred to, by the first source that knows; and whether they fit", async () => {
    const { work, ...sums } = await plan()
    expect(work.map(({ dataset, action, bytes }) => [dataset, action, bytes])).to.deep.equal([
      ["org.base", "download", 4],
      ["org.all", "reference", undefined],
      ["org.all", "download", 14],
      ["org.all", "download", 3],
      ["org.all", "download", 9e15],
      ["org.all", "download", undefined],
    ])
    expect(sums).to.include({ fetch: 9e15 + 21, needs: 9e15 + 21, unknown: 1, fits: false })
    expect(sums.free).to.be.above(0)
    expect(origin.requests.every(({ method, headers }) => method === "HEAD" || headers.range === "bytes=0-0")).to.equal(
      true,
    )
    const { stdout, stderr } = await datamaestro(["prepare", "--dry-run", "org.all"], { env })
    expect(stdout).to.match(/^org\.base\tdownload\ttext\t\S+base\.txt\t\S+base\.txt\t4\n/)
    expect(stderr).to.match(/to fetch 9\.0 PB and 1 file of unknown size; .* are free: that does not fit/)
  })

  it("names the same sources as info, asks nobody with --no-downloads, and knows what is there", async () => {
    const { work, unknown } = await plan("--no-downloads")
    expect([unknown, origin.requests.length]).to.deep.equal([4, 0])
    const info = JSON.parse((await datamaestro(["--json", "info", "org.all"], { env })).stdout) as {
      resources: { urls: string[] }[]
    }
    expect(info.resources.map(({ urls }) => urls)).to.deep.equal(work.slice(1).map(({ urls }) => urls))
    expect(work[3]?.urls).to.deep.equal([origin.at("/near/two.txt"), "https://unreachable.invalid/two.txt"])

    expect((await datamaestro(["prepare", "org.base"], { env })).status).to.equal(0)
    expect((await plan("--no-downloads")).work[0]).to.include({ dataset: "org.base", action: "none", bytes: 4 })
    const { stderr } = await datamaestro(["prepare", "--dry-run", "org.base"], { env })
    expect(stderr).to.match(/^org\.base: nothing to fetch; .* are free\n$/)
  })

  it("tells what a person must fetch, from where, how, and where to put it, until it is there", async () => {
    const accept = ["--accept-agreement", "org.asked.terms"]
    const dryRun = (...args: string[]) =>
      datamaestro([...args, "prepare", "--dry-run", ...accept, "org.asked"], { env })
    const place = join(sample.folder, "data/data/mine/org/asked")
    const { stdout, stderr } = await dryRun()
    expect(stdout).to.equal(`org.asked\tby-hand\tcorpus\thttps://e.org/request\t${join(place, "corpus.tgz")}\t-\n`)
    expect(stderr).to.match(
      /^warning: org\.asked: its corpus must be fetched by hand from https:\/\/e\.org\/request \(Ask\.\), and/,
    )
    expect(stderr)
      .to.contain(`put on the data machine at "${join(place, "corpus.tgz")}"\n`)
      .and.contain("nothing else to")
    const [work] = (JSON.parse((await dryRun("--json")).stdout) as Plan).work
    expect(work).to.include({ kind: "manual", action: "by-hand", instructions: "Ask." })
    await mkdir(place, { recursive: true })
    await writeFile(join(place, "corpus.tgz"), "")
    const there = await dryRun()
    expect(there.stdout).to.equal(`org.asked\tmake\tcorpus\t-\t${join(place, "corpus")}\t-\n`)
    expect(there.stderr).to.match(/^org\.asked: nothing to fetch; /)
  })

  it("tells which data folder is not set or lacks the data, until it is there", async () => {
    const dryRun = (...args: string[]) => datamaestro([...args, "prepare", "--dry-run", "org.placed"], { env })
    const unset = await dryRun()
    expect(unset.stdout).to.equal("org.placed\treference\twords\t-\t-\t-\n")
    expect(unset.stderr).to.contain('warning: org.placed: data folder "corpora", which has its words, is not set: ')
    expect(unset.stderr).to.contain("`datamaestro datafolders set corpora PATH`")
    const [work] = (JSON.parse((await dryRun("--json")).stdout) as Plan).work
    expect(work).to.include({ kind: "datafolder", action: "reference", datafolder: "corpora" })

    const corpora = join(sample.folder, "corpora")
    await datamaestro(["datafolders", "set", "corpora", corpora], { env })
    expect((await dryRun()).stderr).to.contain(`org.placed: there is no "${join(corpora, "words.txt")}"`)
    await mkdir(corpora)
    await writeFile(join(corpora, "words.txt"), "")
    expect((await dryRun()).stderr).to.match(/^org\.placed: nothing to fetch; /)
  })

  it("tells what must be accepted before", async () => {
    const { stderr } = await datamaestro(["prepare", "--dry-run", "org.asked"], { env })
    expect(stderr).to.match(
      /^warning: org\.asked: its agreement "org\.asked\.terms" \(https:\/\/e\.org\/terms\) must be accepted first: /,
    )
  })
})
