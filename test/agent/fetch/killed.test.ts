import { expect } from "chai"
import { build } from "esbuild"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"
import { startOrigin, type Origin } from "../../helpers/origin.ts"

/** How often a download is killed, over all ways. `DATAMAESTRO_TEST_KILLS=200` for a thorough run. */
const KILLS = Number(process.env["DATAMAESTRO_TEST_KILLS"] ?? 24)
const MIB = 1024 * 1024
const RATE = 3 * MIB

const TUNING = {
  segmentFromBytes: MIB,
  pieceBytes: MIB / 4,
  probeSeconds: 0.1,
  worthSeconds: 0.1,
  endFirstFromBytes: MIB,
  firstDelaySeconds: 0.01,
}

/** One series of downloads that are killed and begun again, each until it is whole. */
interface Lane {
  name: string
  connections: number
  /** The server's file is another one after some kills. */
  changes: boolean
  /** Its end is asked for first. */
  endFirst: boolean
}

const LANES: readonly Lane[] = [
  { name: "one connection", connections: 1, changes: false, endFirst: false },
  { name: "several connections", connections: 4, changes: false, endFirst: false },
  { name: "several connections to a file that changes", connections: 4, changes: true, endFirst: false },
  { name: "one connection after another to a zip", connections: 1, changes: false, endFirst: true },
  { name: "several connections to a zip that changes", connections: 4, changes: true, endFirst: true },
]

describe("downloads that are killed at random moments", () => {
  let folder: string
  let worker: string
  let origin: Origin

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "killed-"))
    worker = join(folder, "worker.cjs")
    await build({
      entryPoints: [fileURLToPath(new URL("killed-worker.ts", import.meta.url))],
      outfile: worker,
      bundle: true,
      platform: "node",
      format: "cjs",
      conditions: ["@datamaestro/source"],
      mainFields: ["module", "main"],
      logLevel: "error",
    })
    origin = await startOrigin()
  })
  after(async () => {
    await origin.close()
    await rm(folder, { recursive: true, force: true })
  })

  it(`are right to the last byte in the end, after ${KILLS} kills`, async function () {
    this.timeout(60_000 + KILLS * 20_000)
    const kills = await Promise.all(LANES.map((lane) => play(lane, Math.ceil(KILLS / LANES.length))))
    expect(kills.reduce((sum, count) => sum + count, 0)).to.be.at.least(KILLS)
  })

  /** Downloads until so many processes were killed; says how many. */
  async function play(lane: Lane, wanted: number): Promise<number> {
    let kills = 0
    for (let round = 0; kills < wanted; round++) {
      const path = `/${LANES.indexOf(lane)}/${round}`
      const cache = new DownloadCache(join(folder, path.replaceAll("/", "_")))
      let body = randomBytes(12 * MIB + 123)
      const older: Buffer[] = []
      const entry = cache.entryPath(cache.keyOf(origin.at(path)))
      origin.route(path, { body, throttle: RATE })
      for (;;) {
        const ended = await downloadOrKill(cache.path, origin.at(path), lane)
        if (ended) break
        kills++
        await checkPart(cache.path, body, lane)
        // What was whole before its process was killed stays what it is, in the cache or on its way there.
        if (lane.changes && kills % 3 === 0 && !existsSync(entry) && !(await isWhole(cache.path, body))) {
          older.push(body)
          body = randomBytes(12 * MIB + 123)
          origin.route(path, { body, throttle: RATE })
        }
        // Enough is enough; the last one may come to its end.
        if (kills >= 4 * wanted) origin.route(path, { body })
      }
      const whole = await readFile(entry)
      const stale = older.findIndex((one) => one.equals(whole))
      const what = `${lane.name}, round ${round}: of ${older.length + 1} contents it is number ${stale + 1} (0: a mixture)`
      expect(whole.equals(body), what).to.equal(true)
      // A mark that a killed process left counts for nobody.
      expect(await cache.inUse(cache.keyOf(origin.at(path)))).to.equal(false)
      expect(
        (await readdir(cache.path)).filter((name) => name.endsWith(".tmp") && !name.includes(".json.")),
      ).to.deep.equal([])
    }
    return kills
  }

  /** Whether the download came to its end before it was killed. */
  async function downloadOrKill(cache: string, url: string, { connections, endFirst }: Lane): Promise<boolean> {
    const how = [String(connections), JSON.stringify(TUNING), String(endFirst)]
    const child = spawn(process.execPath, [worker, cache, url, ...how], {
      stdio: ["ignore", "pipe", "pipe"],
    })
    let error = ""
    child.stderr.on("data", (text: Buffer) => (error += text.toString()))
    const exit = once(child, "exit") as Promise<[number | null, string | null]>
    await Promise.race([once(child.stdout, "data"), exit])
    // Mostly in the middle, sometimes at the start or around the end.
    await Promise.race([sleep(Math.random() * 2500), exit])
    child.kill("SIGKILL")
    const [code, signal] = await exit
    if (signal === null) expect(code, error).to.equal(0)
    return code === 0
  }
})

async function isWhole(cache: string, body: Buffer): Promise<boolean> {
  const parts = (await readdir(cache)).filter((name) => name.endsWith(".tmp") && !name.includes(".json."))
  return (await Promise.all(parts.map((name) => readFile(join(cache, name))))).some((part) => part.equals(body))
}

/** What the next run will trust must be bytes of the file, wherever they are. */
async function checkPart(cache: string, body: Buffer, lane: Lane): Promise<void> {
  if (lane.changes) return
  for (const name of await readdir(cache)) {
    // Also half a record, if that was what was being written.
    if (!name.endsWith(".tmp") || name.includes(".json.")) continue
    const part = await readFile(join(cache, name))
    const text = await readFile(join(cache, name.replace(/\.tmp$/, ".json.tmp")), "utf8").catch(() => "{}")
    const { written } = JSON.parse(text) as { written?: [number, number][] }
    for (const [from, to] of written ?? [[0, part.length]]) {
      expect(part.subarray(from, to).equals(body.subarray(from, Math.min(to, part.length))), name).to.equal(true)
    }
  }
}
