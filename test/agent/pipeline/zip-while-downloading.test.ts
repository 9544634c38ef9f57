import { createHash, randomBytes } from "node:crypto"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { defineDataset, folder, sha256, zip } from "@datamaestro/dataset"
import { expect } from "chai"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { provideThreadSource, startThread } from "../../../packages/agent/src/threads/thread-source.ts"
import { provideBundledThreads } from "../../fixtures/agent-threads.ts"
import { failure } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved, type PrepareFixture } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"
import { zipArchive } from "../../fixtures/zip-archive.ts"
import { until } from "../../helpers/job-lab.ts"

const MIB = 1024 * 1024
const sumOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex")
const noise = randomBytes(36 * MIB)
const archive = (text: string): Buffer =>
  zipArchive([
    { name: "thing/first", content: text },
    { name: "thing/noise", content: noise, stored: true },
    { name: "thing/last", content: `${text} at last` },
  ])
const body = archive("alpha")

describe("a zip that is extracted while it is downloaded", function () {
  this.timeout(20_000)
  let { origin, home } = {} as PreparationSetup
  before(() => provideBundledThreads())
  after(() => provideThreadSource(undefined))
  eachPreparation((setup) => ({ origin, home } = setup))

  const root = (): string => join(home.path, "data/test/org/example/thing")
  const prepare = async (sum?: string, options = prepareOptions(home.path)): Promise<PrepareFixture> => {
    const integrity = sum === undefined ? {} : { integrity: sha256(sum, "download") }
    const images = zip(origin.at("/images.zip"), integrity)
    await prepareDataset(
      resolved(
        defineDataset({
          id: "org.example.thing",
          resources: { images },
          describe: (all) => ({ images: folder(all.images) }),
        }),
      ),
      options,
    )
    return options
  }
  /** What is being made is below the dataset's own folder, under names that begin with a point. */
  const made = (name: string): string | undefined => {
    if (!existsSync(root())) return undefined
    const found = readdirSync(root(), { recursive: true, encoding: "utf8" }).find(
      (path) => path.startsWith(".") && path.endsWith(`thing/${name}`),
    )
    return found === undefined ? undefined : readFileSync(join(root(), found), "utf8")
  }
  /** Bytes of parts that came; a part has holes. */
  const onDisk = (): number => {
    const cache = join(home.path, "cache")
    const parts = readdirSync(cache).filter((name) => name.includes(".tmp"))
    return parts.reduce((sum, name) => sum + statSync(join(cache, name)).blocks * 512, 0)
  }
  const expectPlaced = (text: string): void => {
    const placed = root()
    expect(readFileSync(join(placed, "first"), "utf8")).to.equal(text)
    expect(readFileSync(join(placed, "last"), "utf8")).to.equal(`${text} at last`)
    expect(readFileSync(join(placed, "noise")).equals(noise)).to.equal(true)
    expect(readdirSync(root()).filter((name) => name.startsWith("."))).to.have.members([
      ".manifest.json",
      ".state.json",
    ])
  }
  /** Lets a download come to its half, and the rest when it is told to. */
  const gate = () => {
    let open = (): void => {}
    const opened = new Promise<void>((resolve) => (open = resolve))
    return { open, holdAfter: { bytes: 18 * MIB, until: opened, times: 1 } }
  }

  for (const connections of [4, 1]) {
    it(`has its first members before its middle has come, over ${connections} at most`, async () => {
      const { open, holdAfter } = gate()
      // Over one the first answer is left early, and the last one is that of the rest.
      const times = connections === 1 ? 3 : 1
      origin.route("/images.zip", { body, holdAfter: { ...holdAfter, times } })
      const preparing = prepare(sumOf(body), prepareOptions(home.path, { connections }))
      await until(() => made("first") === "alpha")
      expect(existsSync(join(root(), "first"))).to.equal(false)
      expect(readdirSync(join(home.path, "cache")).filter((name) => name.endsWith(".dl"))).to.deep.equal([])
      open()
      await preparing
      expectPlaced("alpha")
      expect(origin.mostAtOnce("/images.zip")).to.equal(Math.min(2, connections))
    })
  }

  it("has its first members early also where it extracts itself, its offsets not counting the program before it", async () => {
    const { open, holdAfter } = gate()
    const own = Buffer.concat([randomBytes(300_000), body])
    origin.route("/images.zip", { body: own, holdAfter })
    const preparing = prepare(sumOf(own))
    await until(() => made("first") === "alpha")
    expect(existsSync(join(root(), "first"))).to.equal(false)
    open()
    await preparing
    expectPlaced("alpha")
  })

  it("has its thread before its first bytes are asked for", async () => {
    // One that another test has left waiting would do.
    await startThread("extract")?.terminate()
    const asked: number[] = []
    const count = (): void => void asked.push(origin.requests.length)
    process.on("worker", count)
    origin.route("/images.zip", { body })
    await prepare()
    process.off("worker", count)
    expect(asked[0]).to.equal(0)
  })

  it("is made anew when its content changes meanwhile", async () => {
    const newer = archive("another")
    const { open, holdAfter } = gate()
    origin.route("/images.zip", { body: [body, body, newer], holdAfter, cutAfter: { bytes: 20 * MIB, times: 1 } })
    const preparing = prepare()
    await until(() => made("first") === "alpha")
    open()
    await preparing
    expectPlaced("another")
  })

  it("is nothing when its sum is another, whatever was made of it", async () => {
    const { open, holdAfter } = gate()
    origin.route("/images.zip", { body, holdAfter })
    const preparing = failure(prepare("0".repeat(64)))
    await until(() => made("first") === "alpha")
    open()
    expect((await preparing).code).to.equal("CHECKSUM_MISMATCH")
    expect(made("first")).to.equal(undefined)
    expect(existsSync(join(root(), "first"))).to.equal(false)
  })

  it("goes on where it was stopped", async () => {
    const { holdAfter } = gate()
    origin.route("/images.zip", { body, holdAfter })
    const stop = new AbortController()
    const preparing = failure(prepare(undefined, prepareOptions(home.path, { signal: stop.signal })))
    await until(() => made("first") === "alpha")
    // Its first members may be there long before its half is.
    await until(() => onDisk() > 17 * MIB)
    stop.abort()
    expect((await preparing).code).to.equal("INTERRUPTED")
    expect(made("first")).to.equal(undefined)
    origin.requests.length = 0
    await prepare()
    expectPlaced("alpha")
    expect(origin.requests).to.have.length(1)
    expect(origin.requests[0]?.sent).to.be.lessThan(body.length - 16 * MIB)
  })

  it("is made of the whole download where a server gives no part of it", async () => {
    origin.route("/images.zip", { body, ranges: false })
    await prepare()
    expectPlaced("alpha")
    expect(origin.requests).to.have.length(1)
  })
})
