import { expect } from "chai"
import { existsSync, readFileSync, rmSync } from "node:fs"
import promises from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { gzipSync } from "node:zlib"
import { defineDataset, file, rawFile, step } from "@datamaestro/dataset"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { Manifest } from "../../../packages/agent/src/store/manifest.ts"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"
import { DatasetState } from "../../../packages/agent/src/store/state.ts"
import { failure, temporaryFolder } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved, writeFiles } from "../../fixtures/preparation.ts"
import { startOrigin, type Origin } from "../../helpers/origin.ts"

const FOLDER = "data/test/org/example/many"
/** Only where something waits for what it must not wait for. */
const LONG = 10_000

describe("a dataset of many resources", () => {
  let home: ReturnType<typeof temporaryFolder>
  let origin: Origin
  const { rename, readdir } = promises
  const { record } = Manifest.prototype
  const { set } = DatasetState.prototype
  beforeEach(async () => {
    home = temporaryFolder()
    origin = await startOrigin({ "/part": { body: "content" }, "/part.gz": { body: gzipSync("content") } })
  })
  afterEach(async () => {
    Object.assign(promises, { rename, readdir })
    syncBuiltinESMExports()
    Object.assign(Manifest.prototype, { record })
    Object.assign(DatasetState.prototype, { set })
    await origin.close()
    home.remove()
  })

  const many = (count: number, path = "/part", transient = false) => {
    const files = Array.from({ length: count }, (_, index) => [
      `part${index}`,
      file(origin.at(`${path}?${index}`), { name: `part${index}`, transient }),
    ])
    return Object.fromEntries(files) as Record<string, ReturnType<typeof file>>
  }
  const dataset = (resources: Record<string, ReturnType<typeof file>>) =>
    resolved(
      defineDataset({
        id: "org.example.many",
        resources,
        describe: ({ part0 }) => ({ part: rawFile(part0 as never) }),
      }),
    )
  const path = (name: string): string => join(home.path, FOLDER, name)

  /** Does that at the first write of the manifest, and counts all of them. */
  const atManifest = (first: () => Promise<void>): { writes: number } => {
    const seen = { writes: 0 }
    promises.rename = async (from, to) => {
      if (String(to).endsWith(".manifest.json") && seen.writes++ === 0) await first()
      await rename(from, to)
    }
    syncBuiltinESMExports()
    return seen
  }
  const unless = async (condition: () => boolean): Promise<void> => {
    const begun = performance.now()
    while (!condition() && performance.now() - begun < LONG) await sleep(5)
  }

  it("looks at the work of others as often for each of many as for each of a few", async () => {
    const looks: number[] = []
    for (const count of [20, 80]) {
      let looked = 0
      promises.readdir = ((folder: string, options: never) => {
        if (folder.endsWith(".downloads")) looked++
        return readdir(folder, options)
      }) as typeof readdir
      syncBuiltinESMExports()
      Manifest.prototype.record = function (name) {
        looked++
        return record.call(this, name)
      }
      await prepareDataset(dataset(many(count)), prepareOptions(join(home.path, `${count}`)))
      looks.push(looked)
    }
    const [few = 0, all = 0] = looks
    expect(all).to.be.at.most(few * 5)
  })

  it("of an older definition looks as often at what is recorded for each of many as for each of a few", async () => {
    const renamed = (count: number) =>
      resolved(
        defineDataset({
          id: "org.example.many",
          resources: Object.fromEntries(Object.entries(many(count)).map(([name, one]) => [`other_${name}`, one])),
          describe: (all) => ({ part: rawFile(all["other_part0"] as never) }),
        }),
      )
    for (const changed of [renamed, (count: number) => dataset(many(count, "/part.gz"))]) {
      const looks: number[] = []
      for (const count of [20, 80]) {
        const folder = join(home.path, `${count}`)
        await prepareDataset(dataset(many(count)), prepareOptions(folder))
        let looked = 0
        Manifest.prototype.record = function (name) {
          looked++
          return record.call(this, name)
        }
        await prepareDataset(changed(count), prepareOptions(folder))
        Object.assign(Manifest.prototype, { record })
        looks.push(looked)
        rmSync(folder, { recursive: true })
      }
      const [few = 0, all = 0] = looks
      expect(all).to.be.at.most(few * 5)
    }
  })

  it("is no leak of listeners to Node, whose warning would stand in the report of a death", async () => {
    const leaks: string[] = []
    const note = ({ name, message }: Error): void => {
      if (name === "MaxListenersExceededWarning") leaks.push(message)
    }
    process.on("warning", note)
    try {
      for (const path of ["/part", "/part.gz"]) {
        await prepareDataset(dataset(many(40, path)), prepareOptions(join(home.path, path)))
      }
    } finally {
      process.off("warning", note)
    }
    expect(leaks).to.deep.equal([])
  })

  it("has no signal made for each of them, which the preparation's own would remember", async () => {
    const { any } = AbortSignal
    const made: number[] = []
    try {
      for (const count of [20, 80]) {
        let signals = 0
        AbortSignal.any = (all) => {
          signals++
          return any.call(AbortSignal, all)
        }
        await prepareDataset(dataset(many(count)), prepareOptions(join(home.path, `${count}`)))
        made.push(signals)
      }
    } finally {
      AbortSignal.any = any
    }
    const [few = 0, all = 0] = made
    expect(all - few).to.be.below(20)
  })

  it("are not all looked for in the cache at once before the first is fetched", async () => {
    let looking = 0
    let most = 0
    class WatchedCache extends DownloadCache {
      override async find(key: string): ReturnType<DownloadCache["find"]> {
        most = Math.max(most, ++looking)
        return await super.find(key).finally(() => looking--)
      }
    }
    const cache = new WatchedCache(join(home.path, "cache"))
    await prepareDataset(dataset(many(200)), prepareOptions(home.path, { cache }))
    expect(most).to.be.within(1, 100)
  })

  it("begins with some of them, so that not all wait in memory", async () => {
    const controller = new AbortController()
    const begun = new Set<string>()
    let most = 0
    DatasetState.prototype.set = async function (name, state) {
      if (state === "partial") begun.add(name)
      if (state === "complete") {
        most ||= begun.size
        controller.abort()
      }
      await set.call(this, name, state)
    }
    const options = prepareOptions(home.path, { signal: controller.signal })
    expect(await failure(prepareDataset(dataset(many(400)), options))).to.have.property("code", "INTERRUPTED")
    expect(most).to.be.within(1, 300)
  })

  it("comes to those for which there is room only when others are done, and to what is made of them", async () => {
    const names = Array.from({ length: 600 }, (_, index) => `part${index}`)
    writeFiles(join(home.path, FOLDER), Object.fromEntries(names.map((name) => [name, name])))
    const [first = "", last = ""] = [names[0], names.at(-1)]
    const made = step({
      from: [first, last],
      name: "made",
      run: async ({ input, output }) => {
        const parts = [first, last].map((name) => readFileSync(String(input[name]), "utf8"))
        await promises.writeFile(output, parts.join())
      },
    })
    const definition = defineDataset({
      id: "org.example.many",
      resources: { ...many(names.length), made },
      describe: ({ made: output }) => ({ made: rawFile(output as never) }),
    })
    const options = prepareOptions(home.path)
    await prepareDataset(resolved(definition), options)
    expect(readFileSync(path("made"), "utf8")).to.equal("part0,part599")
    expect(options.events.filter((event) => event.phase === "resource")).to.have.length(601)
  })

  it("unpacks the next while others are recorded", async () => {
    const all = Array.from({ length: 5 }, (_, index) => path(`part${index}`))
    const there = (): boolean => all.every((name) => existsSync(name))
    let before = false
    atManifest(async () => {
      await unless(there)
      before = there()
    })
    await prepareDataset(dataset(many(all.length, "/part.gz")), prepareOptions(home.path))
    expect(before).to.equal(true)
  })

  it("marks many that are made anew in one write, while others are marked", async () => {
    const resources = many(40)
    await prepareDataset(dataset(resources), prepareOptions(home.path))
    const begun = new Set<string>()
    DatasetState.prototype.set = async function (name, state) {
      if (state === "partial") begun.add(name)
      await set.call(this, name, state)
    }
    let first = 0
    promises.rename = async (from, to) => {
      if (first === 0 && String(to).endsWith(".state.json")) {
        await unless(() => begun.size >= 10)
        first = begun.size
      }
      await rename(from, to)
    }
    syncBuiltinESMExports()
    const options = prepareOptions(home.path, { force: true })
    await prepareDataset(dataset(resources), options)
    expect(first).to.be.at.least(10)
    expect(options.events.filter((event) => event.phase === "resource")).to.have.length(40)
  })

  it("records many that are taken over in a few writes", async () => {
    const names = Array.from({ length: 30 }, (_, index) => `part${index}`)
    writeFiles(join(home.path, FOLDER), Object.fromEntries(names.map((name) => [name, "content"])))
    const options = prepareOptions(home.path)
    const allAdopted = (): boolean => options.events.some(({ phase }) => phase === "notice")
    const seen = atManifest(() => unless(allAdopted))
    await prepareDataset(dataset(many(names.length)), options)
    expect(seen.writes).to.equal(2)
    const { resources } = JSON.parse(readFileSync(path(".manifest.json"), "utf8")) as { resources: object }
    expect(Object.keys(resources)).to.have.members(names)
    expect(origin.requests).to.have.length(0)
  })

  it("removes those that are transient, and in the next run what a kill has left of them", async () => {
    const names = Array.from({ length: 30 }, (_, index) => `part${index}`)
    const made = step({
      from: names,
      name: "made",
      run: ({ output }) => promises.writeFile(output, "made"),
    })
    const definition = defineDataset({
      id: "org.example.many",
      resources: { ...many(names.length, "/part", true), made },
      describe: ({ made: output }) => ({ made: rawFile(output as never) }),
    })
    const options = prepareOptions(home.path)
    await prepareDataset(resolved(definition), options)
    expect(names.filter((name) => existsSync(path(name)))).to.deep.equal([])
    const { resources } = JSON.parse(readFileSync(path(".state.json"), "utf8")) as { resources: object }
    expect(resources).to.deep.include({ part0: { state: "none" }, made: { state: "complete" } })
    // As after a kill between the record and the removal.
    writeFiles(join(home.path, FOLDER), { part3: "content", ".downloads/left": "" })
    await prepareDataset(resolved(definition), options)
    expect(existsSync(path("part3"))).to.equal(false)
    expect(existsSync(path(".downloads"))).to.equal(false)
    expect(existsSync(path("made"))).to.equal(true)
  })
})
