import { spawn } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { expect } from "chai"
import { build } from "esbuild"
import { temporaryFolder } from "../fixtures/extraction.ts"
import { WORDS } from "../fixtures/prepare-child.ts"
import { tarGzArchive } from "../fixtures/tar-archive.ts"
import { startOrigin, type Origin } from "../helpers/origin.ts"

/** How many preparations are killed: 200 with the downloads of fetch/killed.test.ts and the jobs of e2e/jobs-killed.test.ts. */
const KILLS = Number(process.env["DATAMAESTRO_TEST_KILLS"] ?? 152)
const FILES = 400
const content = (index: number): string => `file ${index} `.repeat(20)

/** kill -9 at random moments of whole preparations, each continued by the next run; every byte is checked after. */
describe(`preparations killed ${KILLS} times at random moments`, () => {
  let origin: Origin
  let home: ReturnType<typeof temporaryFolder>
  let script: string
  let bodies: Buffer[]
  before(async () => {
    home = temporaryFolder()
    script = join(home.path, "child.mjs")
    // Bundled, it starts in a tenth of a second: most of a run is then the preparation.
    await build({
      entryPoints: [fileURLToPath(new URL("../fixtures/prepare-child.ts", import.meta.url))],
      outfile: script,
      bundle: true,
      platform: "node",
      format: "esm",
      conditions: ["@datamaestro/source"],
      mainFields: ["module", "main"],
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url)' },
      logLevel: "silent",
    })
    const many = Array.from({ length: FILES }, (_, index) => ({
      name: `top/${index % 20}/${index}.txt`,
      content: content(index),
    }))
    bodies = [tarGzArchive(many), gzipSync(WORDS)]
    const [archive = Buffer.alloc(0), words = Buffer.alloc(0)] = bodies
    origin = await startOrigin({ "/many.tar.gz": { body: archive }, "/words.txt.gz": { body: words } })
  })
  after(async () => {
    await origin.close()
    home.remove()
  })

  /** Runs a preparation and kills it after so many milliseconds, unless it ended before. */
  async function run(data: string, killAfter: number): Promise<{ ended: boolean; milliseconds: number }> {
    const start = performance.now()
    const child = spawn(process.execPath, [script, origin.url, data], { stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    let errors = ""
    child.stdout.on("data", (text) => (output += text))
    child.stderr.on("data", (text) => (errors += text))
    const timer = setTimeout(() => child.kill("SIGKILL"), killAfter)
    const signal = await new Promise((resolve) => child.once("close", (_, name) => resolve(name)))
    clearTimeout(timer)
    if (signal === null) expect(output, errors).to.equal("done\n")
    return { ended: signal === null, milliseconds: performance.now() - start }
  }

  /** What is at a final path is whole, to the last byte. */
  function expectNothingHalf(root: string): void {
    for (let folder = 0; folder < 20; folder++) {
      if (!existsSync(join(root, String(folder)))) continue
      for (let index = folder; index < FILES; index += 20) {
        expect(readFileSync(join(root, `${folder}/${index}.txt`), "utf8")).to.equal(content(index))
      }
    }
    if (existsSync(join(root, "words.txt"))) expect(readFileSync(join(root, "words.txt")).equals(WORDS)).to.equal(true)
  }

  function expectAll(data: string, root: string): void {
    expectNothingHalf(root)
    const names = readdirSync(root).filter((name) => !name.startsWith("."))
    expect(names).to.have.length(21)
    const own = readdirSync(root).filter((name) => name.startsWith("."))
    // Killed as its lock was all that was left, which the next who needs it takes away, or the right to remove that one.
    expect(own.filter((name) => !/^\.state\.lease(\.[0-9a-f]{24})?$/.test(name))).to.have.members([
      ".manifest.json",
      ".state.json",
    ])
    const { resources } = JSON.parse(readFileSync(join(root, ".manifest.json"), "utf8"))
    expect(resources.data.files).to.have.length(FILES)
    for (const { path, sha256 } of [...resources.data.files, ...resources.words.files]) {
      const found = createHash("sha256")
        .update(readFileSync(join(root, path)))
        .digest("hex")
      expect(found).to.equal(sha256)
    }
    // A kill between the state and the cache's turn leaves a download: it is in the cache then, and whole.
    for (const name of readdirSync(join(data, "cache")).filter((one) => one.endsWith(".dl"))) {
      const bytes = readFileSync(join(data, "cache", name))
      expect(bodies.some((body) => body.equals(bytes))).to.equal(true)
    }
  }

  it("never leave half of anything, and the next run always comes to the end", async function () {
    this.timeout(20_000 + KILLS * 5000)
    const first = join(home.path, "first")
    const whole = await run(first, 60_000)
    expect(whole.ended).to.equal(true)
    expectAll(first, join(first, "data/test/org/example/killed"))
    let killed = 0
    for (let round = 0; killed < KILLS; round++) {
      const data = join(home.path, `round${round}`)
      const root = join(data, "data/test/org/example/killed")
      // Mostly early ones would never see the end of a long preparation: each round ends by itself at last.
      for (let runs = 0; runs < 6 && killed < KILLS; runs++) {
        const { ended } = await run(data, Math.random() * whole.milliseconds)
        expectNothingHalf(root)
        if (ended) break
        killed++
      }
      expect((await run(data, 60_000)).ended).to.equal(true)
      expectAll(data, root)
      rmSync(data, { recursive: true })
    }
  })
})
