import { isDefinition } from "@datamaestro/dataset"
import { expect } from "chai"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { homedir, tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { Context, DatamaestroError, prepareDataset } from "../../../packages/controller/src/index.ts"
import { localMachine } from "../../../packages/controller/src/machine.ts"
import { rejection } from "../../helpers/rejection.ts"

describe("the context of this machine", () => {
  let data: string
  let before: string | undefined
  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), "datamaestro-context-"))
    before = process.env["DATAMAESTRO_DIR"]
    delete process.env["DATAMAESTRO_DIR"]
  })
  afterEach(async () => {
    if (before === undefined) delete process.env["DATAMAESTRO_DIR"]
    else process.env["DATAMAESTRO_DIR"] = before
    await rm(data, { recursive: true })
  })

  it("is ~/datamaestro, else DATAMAESTRO_DIR, else what is asked for", () => {
    expect(Context.instance().datapath).to.equal(join(homedir(), "datamaestro"))
    process.env["DATAMAESTRO_DIR"] = data
    expect(Context.instance().datapath).to.equal(data)
    expect(Context.instance({ data: "~/other" }).datapath).to.equal(join(homedir(), "other"))
    expect(Context.instance().cachepath).to.equal(join(data, "cache"))
  })

  it("is no folder named ~name, which only a shell expands", async () => {
    expect(() => Context.instance({ data: "~other/x" }))
      .to.throw(DatamaestroError, 'Cannot use "~other/x" as a path: "~other" is not expanded')
      .with.property("exitStatus", 2)
    expect(() => localMachine({ data: "~other/x" })).to.throw("is not expanded")
    expect(localMachine({ data: "./~other/x" }).data).to.equal(resolve("~other/x"))
    process.env["DATAMAESTRO_DIR"] = "~other"
    expect((await rejection(prepareDataset("x"))).code).to.equal("USAGE")
  })

  it("has the global settings, with datafolders even where there are none", async () => {
    expect(Context.instance({ data }).settings.datafolders).to.deep.equal({})
    await writeFile(join(data, "settings.json"), '{"datafolders": {"large": "/l"}, "future": 1}')
    expect(Context.instance({ data }).settings).to.deep.equal({ datafolders: { large: "/l" }, future: 1 })
  })

  it("says of settings that are a folder that they are no file", async () => {
    await mkdir(join(data, "settings.json"))
    expect(() => Context.instance({ data })).to.throw(
      /settings\.json": it is no file, but a folder, a pipe or a device$/,
    )
  })

  it("tells of malformed settings with line and column", async () => {
    await writeFile(join(data, "settings.json"), '{\n "datafolders": [}')
    expect(() => Context.instance({ data }))
      .to.throw(DatamaestroError, "line 2, column")
      .with.property("code", "MALFORMED_SETTINGS")
  })

  it("iterates over repositories with id and name", () => {
    const found = [...Context.instance({ data }).repositories()]
    expect(found.map(({ id }) => id)).to.include.members(["image", "text", "ml"])
    for (const repository of found) expect(repository.name).to.be.a("string").and.not.equal("")
  })

  it("gives a handle of a dataset without looking it up", () => {
    expect(Context.instance({ data }).dataset("com.lecun.mnist").id).to.equal("com.lecun.mnist")
  })

  it("takes no number for a job's id", () => {
    const job = (): unknown => Context.instance({ data }).job(5 as never)
    expect(job).to.throw(DatamaestroError, "Cannot use 5 as job").with.property("code", "USAGE")
  })

  it("takes a place once only", async () => {
    const context = Context.instance({ data })
    for (const options of [
      { context, host: "h" },
      { context: data, host: "h" },
      { context: data, data },
    ]) {
      expect((await rejection(prepareDataset("x", options))).code).to.equal("USAGE")
    }
  })

  it("refuses what would be left unheeded: of a machine beside a context, of connecting without a host", async () => {
    const context = Context.instance({ data })
    for (const options of [
      { node: "auto" },
      { relay: false },
      { launcher: "none" },
      { sshOptions: ["Port=22"] },
    ] as const) {
      const [option = ""] = Object.keys(options)
      const { code, message } = await rejection(prepareDataset("x", { context, ...options }))
      expect([code, message]).to.deep.equal(["USAGE", `Cannot use ${option} beside a context, which has its own`])
    }
    for (const options of [
      { configFile: "/config" },
      { identityFiles: ["/key"] },
      { sshOptions: ["Port=22"] },
      { transport: "openssh" },
    ] as const) {
      const [option = ""] = Object.keys(options)
      const { code, message } = await rejection(prepareDataset("x", { context: data, ...options }))
      expect([code, message]).to.deep.equal(["USAGE", `Cannot use ${option} without a host: it is for connecting`])
    }
    const heeded = { context, signal: AbortSignal.abort(), selection: {}, force: true, sshOptions: [], node: undefined }
    expect((await rejection(prepareDataset("x", heeded))).code).to.equal("INTERRUPTED")
  })

  it("names the option that has a wrong value, and the value", async () => {
    for (const [option, value] of Object.entries({
      context: 5,
      host: "",
      node: 20,
      connections: 99,
      encoder: "pickle",
      transport: "telnet",
      accept: "all",
      force: "yes",
      onProgress: true,
      selection: "dim=50",
      signal: "stop",
    })) {
      const refused = await rejection(prepareDataset("x", { [option]: value }))
      expect([refused.code, refused.message], option).to.deep.equal([
        "USAGE",
        `Cannot use ${JSON.stringify(value)} as ${option}`,
      ])
      expect(refused.hint).to.contain(`${option} is to be `)
    }
    // An AbortController is none, and a variable that is empty no folder: it would be the working directory.
    for (const [options, as] of [
      [{ signal: new AbortController() }, "AbortController as signal"],
      [{ signal: null }, "null as signal"],
      [{ selection: null }, "null as selection"],
      [{ prompter: {} }, "undefined as prompter.available"],
      [{ context: "" }, '"" as context'],
      [{ context: {} }, "this object as context: it is no Context of this copy of datamaestro"],
    ] as const) {
      const { code, message } = await rejection(prepareDataset("x", options as object))
      expect([code, message]).to.deep.equal(["USAGE", `Cannot use ${as}`])
    }
    for (const prompter of [{}, null, { available: true, ask: "me" }]) {
      const { hint } = await rejection(prepareDataset("x", { prompter } as object))
      expect(hint).to.match(/^prompter is to be an object with `available`, .*, and `ask\(question\)`, /)
    }
    const mistyped = await rejection(prepareDataset("x", { hots: "cluster" } as object))
    expect([mistyped.code, mistyped.message]).to.deep.equal([
      "USAGE",
      'Cannot use the option "hots" of prepareDataset: there is none of that name',
    ])
    expect(mistyped.hint).to.match(/^there are: context, host, /)
    for (const none of [null, "text"]) {
      expect((await rejection(prepareDataset("x", none as unknown as object))).message).to.match(
        /^Cannot use .* as options$/,
      )
    }
    const dataset = Context.instance({ data }).dataset("x")
    for (const call of [
      dataset.prepare({ connections: 0 }),
      dataset.start({ connections: 0 }),
      Context.remote("h", { data: 5 as unknown as string }),
      Context.remote(5 as unknown as string),
    ]) {
      expect((await rejection(call)).code).to.equal("USAGE")
    }
    expect(() => Context.instance({ data: 5 as unknown as string })).to.throw("Cannot use 5 as data")
  })

  it("refuses what another call takes, where the work would be done on a machine that nobody meant", async () => {
    const context = Context.instance({ data })
    const dataset = context.dataset("x")
    const elsewhere = { host: "cluster" } as object
    for (const [name, call] of Object.entries<() => unknown>({
      "Context.instance": () => Context.instance(elsewhere),
      "Context.remote": () => Context.remote("h", elsewhere),
      prepare: () => dataset.prepare(elsewhere),
      start: () => dataset.start(elsewhere),
      value: () => dataset.value(elsewhere),
      info: () => dataset.info(elsewhere),
      jobs: () => context.jobs(elsewhere),
      attach: () => context.job("x").attach(elsewhere),
      cancel: () => context.job("x").cancel(elsewhere),
      logs: () => context.job("x").logs(elsewhere),
    })) {
      const refused = await rejection(Promise.resolve().then(call))
      expect(refused.message).to.equal(`Cannot use the option "host" of ${name}: there is none of that name`)
      expect(refused.hint, name).to.match(/^there are: .*\b(signal|data)\b/)
    }
    expect(Context.instance({ data, host: undefined } as object).datapath).to.equal(data)
  })

  it("takes ids and definitions only", async () => {
    for (const thing of ["", { id: "x" }]) {
      expect(isDefinition(thing)).to.equal(false)
      expect((await rejection(prepareDataset(thing as string, { context: data }))).code).to.equal("USAGE")
    }
  })
})
