import { expect } from "chai"
import { spawn, type ChildProcess } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import promises, { readdir, readFile, rm, stat } from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { rejection } from "../../helpers/rejection.ts"
import { setUpFetch, sha256, type FetchSetup } from "./fetch-setup.ts"

const MIB = 1024 * 1024
const WORKER = fileURLToPath(new URL("fetch-worker.ts", import.meta.url))
const body = randomBytes(4 * MIB)

describe("one URL wanted by many", () => {
  let setup: FetchSetup
  const children: ChildProcess[] = []
  beforeEach(async () => {
    setup = await setUpFetch()
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL")
    await setup.close()
  })

  function worker(url: string): ChildProcess {
    const child = spawn(
      process.execPath,
      ["--import=tsx", "--conditions=@datamaestro/source", WORKER, setup.cache.path, url],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    )
    children.push(child)
    return child
  }

  async function result(child: ChildProcess): Promise<{ sha256: string; fromCache: boolean; events: string[] }> {
    if (child.stdout === null) throw new Error("no stdout")
    return JSON.parse(await text(child.stdout)) as { sha256: string; fromCache: boolean; events: string[] }
  }

  async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
    while (!(await condition())) await sleep(20)
  }

  const partBytes = async (): Promise<number> => {
    const names = await readdir(setup.cache.path).catch(() => [])
    const part = names.find((name) => name.endsWith(".tmp") && !name.includes(".json"))
    return part === undefined ? 0 : (await stat(join(setup.cache.path, part)).catch(() => ({ size: 0 }))).size
  }

  it("in two processes, of which the first lets go of it at once, is one download for both", async () => {
    const { origin, cache } = setup
    origin.route("/a", { body })
    const url = origin.at("/a")
    const first = await setup.fetch({ urls: [url] })
    // As while it is downloaded.
    const lock = await cache.lock(cache.keyOf(url), { signal: new AbortController().signal })
    // Read from now on: what a process has said that nobody reads is lost once it has ended.
    const second = result(worker(url))
    await until(async () => (await setup.suffixes()).filter((suffix) => suffix.endsWith(".use")).length === 2)
    await lock.release()
    await first.release({ remove: true })
    expect(await second).to.include({ sha256: sha256(body), fromCache: true })
    expect(origin.requests).to.have.length(1)
  })

  it("in one process is one download; each has its own events and hold", async () => {
    const { origin } = setup
    origin.route("/a", { body, delay: 50 })
    const seen: string[] = []
    const results = await Promise.all(
      ["one", "two", "three"].map((dataset) =>
        setup.fetch(
          { urls: [origin.at("/a")] },
          {
            dataset,
            progress: (event) => "dataset" in event && event.phase === "download" && seen.push(event.dataset),
          },
        ),
      ),
    )
    expect(origin.requests).to.have.length(1)
    expect(new Set(seen)).to.deep.equal(new Set(["one", "two", "three"]))
    const [first, second, third] = results
    await first?.release({ remove: true })
    await first?.release({ remove: true })
    expect(await readFile(second?.path ?? "")).to.deep.equal(body)
    await second?.release({ remove: true })
    expect(await setup.suffixes()).to.include(".dl")
    await third?.release({ remove: true })
    expect(await setup.suffixes()).to.deep.equal([])
  })

  it("in one process, declared differently, is one download too, and nobody is told to wait for a process", async () => {
    const { origin, events } = setup
    origin.route("/a", { body, delay: 50 })
    const results = [
      setup.fetch({ urls: [origin.at("/a")] }),
      setup.fetch({ urls: [origin.at("/a")], integrity: [{ algorithm: "sha256", hex: sha256(body), of: "download" }] }),
    ]
    // As whoever has used it does.
    await Promise.all(results.map(async (result) => await (await result).release({ remove: true })))
    expect(origin.requests).to.have.length(1)
    expect(events.filter(({ phase }) => phase === "wait")).to.deep.equal([])
    expect(await setup.suffixes()).to.deep.equal([])
  })

  it("goes on for the others when one gives up, and stops with the last, keeping the part", async () => {
    const { origin } = setup
    origin.route("/a", { body, throttle: 8 * MIB })
    const [first, second] = [new AbortController(), new AbortController()]
    const one = setup.fetch({ urls: [origin.at("/a")] }, { signal: first.signal })
    const two = setup.fetch({ urls: [origin.at("/a")] }, { signal: second.signal })
    await until(async () => (await partBytes()) >= MIB)
    first.abort()
    expect(await rejection(one)).to.have.property("code", "INTERRUPTED")
    expect((await two).sha256).to.equal(sha256(body))
    expect(origin.requests).to.have.length(1)

    origin.route("/b", { body, throttle: 4 * MIB })
    const abort = new AbortController()
    const last = setup.fetch({ urls: [origin.at("/b")] }, { signal: abort.signal })
    await until(async () => (await partBytes()) >= MIB)
    abort.abort()
    expect(await rejection(last)).to.have.property("code", "INTERRUPTED")
    expect((await setup.suffixes()).filter((name) => name.endsWith(".lock"))).to.deep.equal([])
    origin.route("/b", { body })
    expect((await setup.fetch({ urls: [origin.at("/b")] })).sha256).to.equal(sha256(body))
    expect(origin.requestsOf("/b").at(-1)).to.have.property("status", 206)
  })

  it("by processes at once is downloaded by one; the others wait and use it (defect 2)", async () => {
    const { origin } = setup
    origin.route("/a", { body, delay: 1500 })
    const results = await Promise.all([1, 2, 3].map(() => result(worker(origin.at("/a")))))
    expect(results.map((one) => one.sha256)).to.deep.equal([sha256(body), sha256(body), sha256(body)])
    expect(results.filter(({ fromCache }) => !fromCache)).to.have.length(1)
    expect(results.filter(({ events }) => events.includes("wait"))).to.have.length(2)
    expect(origin.requests).to.have.length(1)
    expect(await setup.suffixes()).to.deep.equal([".dl", ".json", ".url"])
  })

  it("is continued by the next process when the one was killed (defect 4)", async () => {
    const { origin } = setup
    origin.route("/a", { body, stallAfter: { bytes: 3 * MIB } })
    const victim = worker(origin.at("/a"))
    await until(async () => (await partBytes()) >= 2 * MIB)
    victim.kill("SIGKILL")
    await once(victim, "exit")
    const kept = await partBytes()
    origin.route("/a", { body })
    const next = await setup.fetch({ urls: [origin.at("/a")] })
    expect(next.sha256).to.equal(sha256(body))
    expect(origin.requests.at(-1)).to.include({ status: 206, sent: 4 * MIB - kept })
    await next.release({ remove: false })
    expect(await setup.suffixes()).to.deep.equal([".dl", ".json", ".url"])
  })

  it("survives that the cache is wiped by hand in the middle", async () => {
    const { origin } = setup
    origin.route("/a", { body, throttle: 8 * MIB })
    const fetching = setup.fetch({ urls: [origin.at("/a")] })
    await until(async () => (await partBytes()) >= MIB)
    for (const name of await readdir(setup.cache.path)) await rm(join(setup.cache.path, name))
    expect(await readFile((await fetching).path)).to.deep.equal(body)
  })

  it("says so when what comes is removed again and again", async () => {
    const { origin } = setup
    origin.route("/a", { body })
    const { rename } = promises
    promises.rename = async (from, to) => {
      for (const name of await readdir(setup.cache.path)) await rm(join(setup.cache.path, name), { force: true })
      await rename(from, to)
    }
    syncBuiltinESMExports()
    try {
      const error = await rejection(setup.fetch({ urls: [origin.at("/a")] }))
      expect(error).to.include({ code: "STORAGE_FAILED", exitStatus: 6 })
      expect(error.message).to.equal(`Cannot download into "${setup.cache.path}": what came was removed there 6 times`)
    } finally {
      promises.rename = rename
      syncBuiltinESMExports()
    }
  })

  for (const [what, record] of [
    ["an entry", /\/[0-9a-f]{64}\.json\.\d+\.[0-9a-f]{8}\.tmp$/],
    ["a part", /\.json\.tmp\.\d+\.[0-9a-f]{8}\.tmp$/],
  ] as const) {
    it(`survives that the cache is wiped while ${what} is recorded`, async () => {
      const { origin } = setup
      // A part is recorded when what came into it turned out to be another file.
      origin.route("/a", { body: randomBytes(1000) })
      origin.route("/b", { body })
      const integrity = { algorithm: "sha256", hex: sha256(body), of: "download" } as const
      const { rename } = promises
      let wiped = 0
      promises.rename = async (from, to) => {
        if (wiped === 0 && record.test(String(from))) {
          wiped++
          for (const name of await readdir(setup.cache.path)) await rm(join(setup.cache.path, name), { force: true })
        }
        await rename(from, to)
      }
      syncBuiltinESMExports()
      try {
        const { path } = await setup.fetch({ urls: [origin.at("/a"), origin.at("/b")], integrity: [integrity] })
        expect(await readFile(path)).to.deep.equal(body)
        expect(wiped).to.equal(1)
      } finally {
        promises.rename = rename
        syncBuiltinESMExports()
      }
    })
  }
})
