import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { expect } from "chai"
import { prepareDataset } from "../../packages/agent/src/pipeline.ts"
import { canCarryOut, carryOut, declareReady, readPlacement } from "../../packages/agent/src/place/placement.ts"
import { temporaryFolder, tree } from "../fixtures/extraction.ts"
import { killedDataset, WORDS } from "../fixtures/prepare-child.ts"
import { prepareOptions, writeFiles } from "../fixtures/preparation.ts"
import { tarGzArchive } from "../fixtures/tar-archive.ts"
import { startOrigin, type Origin } from "../helpers/origin.ts"

const FILES = 400
const content = (index: number): string => `file ${index} `.repeat(20)

describe("a killed preparation", () => {
  let origin: Origin
  let home: ReturnType<typeof temporaryFolder>
  beforeEach(async () => {
    home = temporaryFolder()
    origin = await startOrigin({
      "/many.tar.gz": {
        body: tarGzArchive(
          Array.from({ length: FILES }, (_, index) => ({
            name: `top/${index % 20}/${index}.txt`,
            content: content(index),
          })),
        ),
      },
      "/words.txt.gz": { body: gzipSync(WORDS) },
    })
  })
  afterEach(async () => {
    await origin.close()
    home.remove()
  })

  /** Kills a preparation that runs in a process of its own as soon as `when` says so; says whether it came to its end. */
  async function prepareAndKill(when: () => boolean): Promise<boolean> {
    const script = fileURLToPath(new URL("../fixtures/prepare-child.ts", import.meta.url))
    const child = spawn(
      process.execPath,
      ["--import", "tsx", "--conditions=@datamaestro/source", script, origin.url, home.path],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    )
    let output = ""
    child.stdout.on("data", (text) => (output += text))
    const timer = setInterval(() => when() && child.kill("SIGKILL"), 1)
    await new Promise((resolve) => child.once("close", resolve))
    clearInterval(timer)
    return output === "done\n"
  }

  function expectWholeOrAbsent(root: string): void {
    for (let index = 0; index < FILES; index++) {
      const path = join(root, `${index % 20}/${index}.txt`)
      if (existsSync(join(root, String(index % 20)))) expect(readFileSync(path, "utf8")).to.equal(content(index))
    }
    if (existsSync(join(root, "words.txt"))) expect(readFileSync(join(root, "words.txt")).equals(WORDS)).to.equal(true)
  }

  it("never leaves half a file or folder at a final path, and is finished by the next run", async function () {
    this.timeout(120_000)
    const root = join(home.path, "data/test/org/example/killed")
    const names = (path: string): string[] => (existsSync(path) ? readdirSync(path) : [])
    const moments: (() => boolean)[] = [
      () => names(join(root, ".downloads")).length > 0,
      () => names(join(root, ".downloads")).some((name) => existsSync(join(root, ".downloads", name, "tree/top/5"))),
      () => names(join(root, ".downloads")).some((name) => existsSync(join(root, ".downloads", name, "ready.json"))),
      () => names(root).some((name) => /^\d+$/.test(name)),
      () => names(root).filter((name) => /^\d+$/.test(name)).length > 8,
      () => existsSync(join(root, "words.txt")),
      () => existsSync(join(root, ".manifest.json")),
    ]
    for (const [index, moment] of moments.entries()) {
      const ended = await prepareAndKill(moment)
      if (index < 2) expect(ended, `kill ${index}`).to.equal(false)
      expectWholeOrAbsent(root)
    }
    expect(await prepareAndKill(() => false)).to.equal(true)
    expectWholeOrAbsent(root)
    expect(names(root).filter((name) => !name.startsWith("."))).to.have.length(21)
    expect(
      names(root)
        .filter((name) => name.startsWith("."))
        .sort(),
    ).to.deep.equal([".manifest.json", ".state.json"])
    const { resources } = JSON.parse(readFileSync(join(root, ".manifest.json"), "utf8"))
    expect(resources.data.files).to.have.length(FILES)
    for (const { path, bytes, sha256 } of [...resources.data.files, ...resources.words.files]) {
      const found = readFileSync(join(root, path))
      expect(found.length).to.equal(bytes)
      expect(createHash("sha256").update(found).digest("hex")).to.equal(sha256)
    }
    const again = prepareOptions(home.path)
    await prepareDataset(killedDataset(origin.url), again)
    expect(again.events).to.deep.equal([{ phase: "dataset", dataset: "org.example.killed", state: "present" }])
  })

  it("between two moves goes on with the moves, without the network", async () => {
    const dataset = killedDataset(origin.url)
    const root = join(home.path, "data/test/org/example/killed")
    await prepareDataset(dataset, prepareOptions(home.path))
    const expected = tree(root)
    const resource = dataset.plan.resources.find(({ name }) => name === "data")
    const { resources } = JSON.parse(readFileSync(join(root, ".manifest.json"), "utf8"))
    // As a kill after the third of the moves leaves it.
    const work = join(root, ".downloads/data.0123456789ab.work")
    const entries: string[] = resources.data.entries
    writeFiles(work, { "tree/placeholder": "" })
    for (const entry of entries.slice(3)) renameSync(join(root, entry), join(work, "tree", entry))
    await declareReady(work, join(home.path, "nothing"), {
      plan: JSON.stringify(resource),
      moves: entries.map((entry) => ({ from: `tree/${entry}`, to: entry })),
      stale: [],
      record: resources.data,
    })
    writeFiles(root, {
      ".state.json": '{"version":1,"resources":{"data":{"state":"partial"},"words":{"state":"complete"}}}',
    })
    rmSync(join(home.path, "cache"), { recursive: true })
    const before = origin.requests.length
    await prepareDataset(dataset, prepareOptions(home.path))
    expect(origin.requests.length).to.equal(before)
    expect(JSON.stringify({ ...tree(root), ".state.json": "", ".manifest.json": "" })).to.equal(
      JSON.stringify({ ...expected, ".state.json": "", ".manifest.json": "" }),
    )
  })

  it("does not continue a placement of another plan", async () => {
    const root = join(home.path, "data/test/org/example/killed")
    const work = join(root, ".downloads/data.0123456789ab.work")
    writeFiles(work, { "tree/old.txt": "old" })
    const record = { time: new Date().toISOString(), entries: ["old.txt"], files: [] }
    await declareReady(work, root, {
      plan: "another",
      moves: [{ from: "tree/old.txt", to: "old.txt" }],
      stale: [],
      record,
    })
    await prepareDataset(killedDataset(origin.url), prepareOptions(home.path))
    expect(tree(root)).not.to.have.property("old.txt")
  })
})

describe("placement", () => {
  let home: ReturnType<typeof temporaryFolder>
  beforeEach(() => (home = temporaryFolder()))
  afterEach(() => home.remove())

  it("can be carried out again from every point in between", async () => {
    const placement = {
      plan: "p",
      moves: ["a", "b", "c"].map((name) => ({ from: `tree/${name}`, to: name })),
      stale: ["gone"],
      record: { time: "", entries: ["a", "b", "c"], files: [] },
    }
    for (let done = 0; done <= 3; done++) {
      const root = join(home.path, String(done))
      const work = join(root, ".downloads/w")
      const names = ["a", "b", "c"]
      for (const [index, name] of names.entries()) {
        writeFiles(join(index < done ? root : join(work, "tree"), name), { f: `new ${name}` })
        if (index > done) writeFiles(join(root, name), { f: "old", g: "old" })
      }
      writeFiles(root, { "gone/x": "x", "kept/.state.json": "{}", "kept/y": "y" })
      mkdirSync(work, { recursive: true })
      await declareReady(work, root, placement)
      expect(await readPlacement(work)).to.deep.equal(placement)
      await carryOut(work, root, placement)
      await carryOut(work, root, placement)
      const found = Object.entries(tree(root)).filter(([name]) => !name.startsWith(".downloads"))
      expect(Object.fromEntries(found)).to.deep.equal({
        a: "/",
        "a/f": "new a",
        b: "/",
        "b/f": "new b",
        c: "/",
        "c/f": "new c",
        kept: "/",
        "kept/.state.json": "{}",
        "kept/y": "y",
      })
    }
  })

  it("is not carried out where a power failure has taken what it speaks of", async () => {
    const root = join(home.path, "x")
    const work = join(root, ".downloads/w")
    const moves = ["a", "b"].map((name) => ({ from: `tree/${name}`, to: name }))
    const placement = { plan: "p", moves, stale: [], record: { time: "", entries: ["a", "b"], files: [] } }
    writeFiles(work, { "tree/a": "a" })
    expect(await canCarryOut(work, root, placement)).to.equal(false)
    writeFiles(root, { b: "b" })
    expect(await canCarryOut(work, root, placement)).to.equal(true)
  })

  it("takes a damaged marker for none", async () => {
    writeFiles(home.path, { "w/ready.json": '{"plan": "p", "moves": [' })
    expect(await readPlacement(join(home.path, "w"))).to.equal(undefined)
    expect(await readPlacement(join(home.path, "none"))).to.equal(undefined)
  })
})
