import { axis, defineDataset, file, textFile } from "@datamaestro/dataset"
import { expect } from "chai"
import { once } from "node:events"
import { readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Context, findDataset, getDataset, prepareDataset } from "../../packages/controller/src/index.ts"
import { rejection } from "../helpers/rejection.ts"
import { sampleRepository, type SampleRepository } from "../helpers/sample-repository.ts"
import { startSshServer, type SshServer } from "../helpers/ssh-server.ts"

interface Sample {
  id: string
  train: { path: string }
}

describe("the library", () => {
  let sample: SampleRepository
  let before: NodeJS.ProcessEnv
  beforeEach(async () => {
    sample = await sampleRepository()
    before = { ...process.env }
    Object.assign(process.env, sample.env)
  })
  afterEach(async () => {
    for (const name of Object.keys(sample.env)) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
    await sample.close()
  })

  it("prepares into a data directory of this machine, and tells how far it is", async () => {
    const context = join(sample.folder, "elsewhere")
    const phases: string[] = []
    const prepared = await prepareDataset<Sample>("org.one", {
      context,
      onProgress: ({ phase }) => phases.push(phase),
    })
    expect(prepared).to.deep.equal({
      train: { path: join(context, "data", "sample", "org", "one", "one.txt") },
      id: "org.one",
    })
    expect(await readFile(prepared.train.path, "utf8")).to.equal("content of /one.txt")
    expect(phases).to.include("resource")
  })

  it("runs its agent from cached code, which the one before has kept after a download", async () => {
    /** Behind the sum, how much had run, and how many runs added to it. */
    const cached = async (): Promise<number[]> => {
      const agents = join(sample.folder, ".cache/datamaestro/agents")
      const paths = (await readdir(agents, { recursive: true })).filter((path) => path.endsWith(".bin"))
      return await Promise.all(
        paths.sort().map(async (path) => Number((await readFile(join(agents, path), "latin1")).slice(64, 72))),
      )
    }
    await prepareDataset("org.one", { context: join(sample.folder, "first") })
    const kept = await cached()
    expect(kept).to.have.length(2)
    await prepareDataset("org.one", { context: join(sample.folder, "second") })
    // What V8 does not take is made anew, and nothing has been added to it.
    expect(await cached()).to.deep.equal(kept.map((head) => head + 1))
  })

  it("gives value and facts without fetching", async () => {
    const value = await getDataset<Sample>("org.one")
    expect(value.train.path).to.equal(join(sample.folder, "data", "data", "sample", "org", "one", "one.txt"))
    expect(await findDataset("org.one")).to.include({ id: "org.one", repository: "sample", state: "none" })
  })

  it("never asks without a prompter, and takes what is accepted", async () => {
    const error = await rejection(prepareDataset("org.agreed"))
    expect([error.code, error.details["agreement"]]).to.deep.equal([
      "AGREEMENT_REQUIRED",
      { id: "org.licence", url: "https://licence.example", text: "Be kind" },
    ])
    expect(await prepareDataset("org.agreed", { accept: ["org.licence"] })).to.include({ id: "org.agreed" })
  })

  it("is cancelled by a signal, whose reason is the cause", async () => {
    const abort = new AbortController()
    const reason = new Error("it takes too long")
    void sample.endlessBegun.then(() => abort.abort(reason))
    const error = await rejection(prepareDataset("org.endless", { signal: abort.signal }))
    expect([error.code, error.cause]).to.deep.equal(["INTERRUPTED", reason])
    const early = await rejection(Context.instance().jobs({ signal: abort.signal }))
    expect([early.code, early.cause]).to.deep.equal(["INTERRUPTED", reason])
  })

  it("goes on where an asynchronous listener fails, with a warning of the process", async () => {
    const warned = once(process, "warning")
    const onProgress = async (): Promise<void> => {
      await sleep(1)
      throw new Error("of the listener")
    }
    expect(await prepareDataset("org.one", { onProgress })).to.include({ id: "org.one" })
    expect(String(await warned)).to.contain("onProgress failed: Error: of the listener")
  })

  it("reaches datasets through the context of this machine", async () => {
    const context = Context.instance()
    expect([...context.repositories()].find(({ id }) => id === "sample")?.name).to.equal("Sample datasets")
    const dataset = context.dataset("org.one")
    expect(await dataset.info()).to.include({ state: "none" })
    expect(await dataset.prepare()).to.include({ id: "org.one" })
    expect(await dataset.info()).to.include({ state: "complete" })
  })

  it("reaches a dataset through a context by its definition, as prepareDataset does", async () => {
    const define = (id: string) =>
      defineDataset({
        id,
        axes: { dim: axis([50, 100]) },
        resources: { text: file("https://example.org/one.txt") },
        describe: ({ text }) => ({ train: textFile(text) }),
      })
    const context = Context.instance()
    expect(context.dataset(define("org.one"), { selection: { dim: 50 } }).id).to.equal("org.one[dim=50]")
    expect(context.dataset("org.one@sample", { selection: { dim: 50 } }).id).to.equal("org.one[dim=50]@sample")
    const unknown = await rejection(context.dataset(define("org.unlisted"), { selection: { dim: 50 } }).prepare())
    expect([unknown.code, unknown.message]).to.deep.equal([
      "UNKNOWN_DATASET",
      'Cannot find dataset "org.unlisted": its definition is in no repository that is found',
    ])
  })

  describe("with another machine", () => {
    let server: SshServer
    beforeEach(async () => {
      server = await startSshServer()
    })
    afterEach(() => server.close())

    it("has the same context, connected once and closed by await using", async () => {
      const data = join(server.home, "remote data")
      const context = await Context.remote("cluster", { configFile: server.configFile, data })
      try {
        expect(context).to.include({ datapath: data, cachepath: join(data, "cache"), host: "cluster" })
        expect(context.settings.datafolders).to.deep.equal({})
        const prepared = await prepareDataset<Sample>("org.one", { context })
        expect(prepared.train.path).to.equal(join(data, "data", "sample", "org", "one", "one.txt"))
        expect(await context.dataset("org.two").prepare()).to.include({ id: "org.two" })
        expect(server.connections).to.equal(1)
      } finally {
        await context[Symbol.asyncDispose]()
      }
      expect((await rejection(context.dataset("org.one").info())).code).to.equal("USAGE")
    })

    it("has a context that lives longer than the signal it was connected with", async () => {
      const abort = new AbortController()
      const context = await Context.remote("cluster", { configFile: server.configFile, signal: abort.signal })
      abort.abort()
      try {
        expect(await context.dataset("org.one").prepare()).to.include({ id: "org.one" })
      } finally {
        await context.close()
      }
    })

    it("has a context that goes on once what stood in the way of an upload is gone", async () => {
      const context = await Context.remote("cluster", { configFile: server.configFile })
      try {
        const packs = join(server.home, ".cache", "datamaestro", "packs")
        await writeFile(packs, "")
        await rejection(context.dataset("org.one").prepare())
        await rm(packs)
        expect(await context.dataset("org.one").prepare()).to.include({ id: "org.one" })
      } finally {
        await context.close()
      }
    })

    it("prepares by host, for one call", async () => {
      const prepared = await prepareDataset<Sample>("org.one", { host: "cluster", configFile: server.configFile })
      expect(prepared.train.path).to.equal(join(server.home, "datamaestro", "data", "sample", "org", "one", "one.txt"))
    })

    it("ends only the call whose listener throws, of those over one connection", async () => {
      const context = await Context.remote("cluster", { configFile: server.configFile })
      const abort = new AbortController()
      try {
        const other = rejection(context.dataset("org.endless").prepare({ signal: abort.signal }))
        await sample.endlessBegun
        const onProgress = (): never => {
          throw new Error("of the listener")
        }
        const call = context.dataset("org.one").prepare({ onProgress })
        expect((await call.catch((error: Error) => error)).message).to.equal("of the listener")
        abort.abort()
        expect((await other).code).to.equal("INTERRUPTED")
        expect(await context.dataset("org.two").prepare()).to.include({ id: "org.two" })
        expect(server.connections).to.equal(1)
      } finally {
        await context.close()
      }
    })

    it("leaves no connection that keeps the program from ending, when a listener throws", async () => {
      const onProgress = (): never => {
        throw new Error("of the listener")
      }
      const call = prepareDataset("org.one", { host: "cluster", configFile: server.configFile, onProgress })
      expect((await call.catch((error: Error) => error)).message).to.equal("of the listener")
      await server.left()
    })
  })
})
