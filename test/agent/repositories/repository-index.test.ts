import { brokenDefinition, RepositoryIndex } from "../../../packages/agent/src/repositories/repository-index.ts"
import { resolveDataset } from "../../../packages/agent/src/resolve/resolve-dataset.ts"
import { Repository } from "@datamaestro/dataset"
import { DatamaestroError, type RepositoryLocation } from "@datamaestro/protocol"
import { expect } from "chai"
import { build, type BuildOptions } from "esbuild"
import { execFile } from "node:child_process"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { mock } from "node:test"
import { promisify } from "node:util"
import { until } from "../../helpers/job-lab.ts"
import { PluginPackages } from "../../helpers/plugin-packages.ts"
import { rejection } from "../../helpers/rejection.ts"

const THING = `defineDataset({ id: "org.x.thing", resources: { data: file("https://e.org/a") }, describe: ({ data }) => textFile(data) })`
/** `add` names each repository by its folder, which is not known here. */
const withStatics = (statics: string): string =>
  `import { Repository } from "@datamaestro/dataset"
  export class MyRepository extends Repository {
    static NAMESPACE = import.meta.url.split("/").at(-2)
    ${statics}
  }`
const trace = (name: string): string =>
  `globalThis.loadedModules = [...(globalThis.loadedModules ?? []), ${JSON.stringify(name)}]\n`

describe("RepositoryIndex", () => {
  let plugins: PluginPackages
  before(async () => {
    plugins = await PluginPackages.create()
  })
  after(async () => plugins[Symbol.asyncDispose]())

  it("understands plug-ins that bring their own copy of the SDK", async () => {
    const index = new RepositoryIndex([await plugins.addDatasets("own", { "org.x.thing": THING })])
    const definition = await index.definition("own", "org.x.thing")
    const module = (await import(join(plugins.root, "own/index.js"))) as { MyRepository: object }
    expect(Object.getPrototypeOf(module.MyRepository)).not.to.equal(Repository)
    expect(definition.id).to.equal("org.x.thing")
    expect(await index.definition("own", "org.x.thing")).to.equal(definition)
    expect(await index.list()).to.deep.equal([
      { id: "own", name: "own", description: "Datasets of own", package: "repo-own", version: "1.2.3", datasets: 1 },
    ])
  })

  it("loads nothing until it is needed, and then nothing else", async () => {
    const loaded = (): string[] => (globalThis as { loadedModules?: string[] }).loadedModules ?? []
    const location = await plugins.addDatasets("lazy", { "org.x.thing": THING, "org.x.other": THING })
    await writeFile(join(plugins.root, "lazy/d1.js"), trace("other"))
    await writeFile(
      join(plugins.root, "lazy/d0.js"),
      `${trace("thing")}import * as sdk from "@datamaestro/dataset"
const { defineDataset, file, textFile } = sdk
export default ${THING}`,
    )
    const index = new RepositoryIndex([location, await plugins.add("unused", { "index.js": trace("unused") })])
    expect(loaded()).to.deep.equal([])
    expect([...(await index.repository("lazy")).datasets.keys()]).to.deep.equal(["org.x.thing", "org.x.other"])
    expect(loaded()).to.deep.equal([])
    await index.definition("lazy", "org.x.thing")
    expect(loaded()).to.deep.equal(["thing"])
  })

  it("tells whose code is being waited for, once it takes long", async () => {
    const module = `${withStatics("static datasets = {}")}
      await new Promise((resolve) => (globalThis.endSlow = resolve))`
    const slow = await plugins.add("slow", { "index.js": module })
    const lazy = await plugins.add("slower", {
      "index.js": withStatics('static datasets = { "org.x.thing": () => new Promise(() => {}) }'),
    })
    const told: string[] = []
    const index = new RepositoryIndex([slow, lazy], {
      modulePath: (at) => (at.kind === "file" ? at.path : ""),
      tell: (message) => told.push(message),
      patience: 1,
    })
    const listed = index.list()
    void index.definition("slower", "org.x.thing")
    for (const what of [
      'dataset "org.x.thing" of the package "repo-slower"',
      'repository "slow" of the package "repo-slow"',
    ])
      await until(() => told.includes(`Still waiting for ${what}: its code has not come to its end`))
    ;(globalThis as unknown as { endSlow(): void }).endSlow()
    expect((await listed).map(({ id, error }) => [id, error])).to.deep.equal([
      ["slow", undefined],
      ["slower", undefined],
    ])
  })

  it("tells of no code that has come to its end", async () => {
    const quick = await plugins.add("quick", { "index.js": withStatics("static datasets = {}") })
    const told: string[] = []
    const modulePath = (at: typeof quick.module): string => (at.kind === "file" ? at.path : "")
    const index = new RepositoryIndex([quick], { modulePath, tell: (message) => told.push(message) })
    mock.timers.enable({ apis: ["setTimeout"] })
    try {
      await index.repository("quick")
      mock.timers.tick(3600_000)
    } finally {
      mock.timers.reset()
    }
    expect(told).to.deep.equal([])
  })

  it("gives up a module that waits for what never comes", async () => {
    const never = await plugins.add("never", {
      "index.js": `${withStatics("static datasets = {}")}\nawait new Promise(() => {})`,
    })
    const lazy = await plugins.add("nevermore", {
      "index.js": withStatics('static datasets = { "org.x.thing": () => import("./thing.js") }'),
      "thing.js": "await new Promise(() => {})",
    })
    const modulePath = (at: typeof lazy.module): string => (at.kind === "file" ? at.path : "")
    const index = new RepositoryIndex([never, lazy], { modulePath, limit: 100 })
    const [failed, dataset] = [
      rejection(index.repository("never")),
      rejection(index.definition("nevermore", "org.x.thing")),
    ]
    expect(await failed).to.include({
      code: "BROKEN_REPOSITORY",
      message: `Cannot load repository "never": its module can't be loaded: its code has not come to its end within 0.1 s`,
    })
    expect(await dataset).to.include({
      code: "BROKEN_DEFINITION",
      message: `Cannot use dataset "org.x.thing" of repository "nevermore": its code has not come to its end within 0.1 s`,
    })
  })

  const broken: [string, string, RegExp][] = [
    ["throws on load", `throw new Error("no GPU\\nhere")`, /can't be loaded: no GPU$/],
    ["ends the process", `process.exit(3)`, /can't be loaded: it called process.exit\(3\)$/],
    ["does not parse", `export class {`, /can't be loaded/],
    ["imports what is not there", `import "no-such-package"`, /no-such-package/],
    [
      "exports another name",
      `import { Repository } from "@datamaestro/dataset"; export class Other extends Repository {}`,
      /no "MyRepository", but "Other"/,
    ],
    ["exports nothing", ``, /but no repository/],
    [
      "exports a plain class",
      `export class MyRepository { static NAMESPACE = "x" }`,
      /no class that extends Repository/,
    ],
    ["exports an object", `export const MyRepository = { NAMESPACE: "x" }`, /no class that extends/],
    [
      "has another name than its package.json",
      `import { Repository } from "@datamaestro/dataset"; export class MyRepository extends Repository { static NAMESPACE = "else" }`,
      /NAMESPACE "else", its package.json "/,
    ],
    [
      "is of a later format",
      `export class MyRepository { static [Symbol.for("datamaestro.repository")] = 99 }`,
      /format 99.*reads 1/,
    ],
    ["lists its datasets", withStatics("static datasets = []"), /its class's datasets: must be an object/],
    ["has a map of datasets", withStatics("static datasets = new Map()"), /its class's datasets: must be an object/],
    ["has no datasets any more", withStatics("static datasets = null"), /its class's datasets: must be an object/],
    [
      "throws when its datasets are asked for",
      withStatics('static get datasets() { throw new Error("not today") }'),
      /its class can't be read: not today$/,
    ],
    ["describes itself by a number", withStatics("static DESCRIPTION = 3"), /its class's DESCRIPTION: .*string/],
    ["calls itself by a number", withStatics("static NAME = 3"), /its class's NAME: .*string/],
    [
      "says of one dataset only that it moved",
      withStatics('static movedTo = { image: "a.b" }'),
      /its class's movedTo.image: .*Array/,
    ],
  ]
  for (const [at, [what, text, reason]] of broken.entries()) {
    it(`tells of a repository that ${what}, without hiding the others`, async () => {
      const id = `broken${at}`
      const good = await plugins.addDatasets(`good${at}`, { "org.x.thing": THING })
      const index = new RepositoryIndex([await plugins.add(id, { "index.js": text }), good])
      const error = await rejection(index.repository(id))
      expect(error.code).to.equal("BROKEN_REPOSITORY")
      expect(error.message)
        .to.match(new RegExp(`^Cannot load repository "${id}": `))
        .and.match(reason)
      expect(error.hint).to.contain(`repo-${id}`)
      const [first, second] = await index.list()
      expect(first?.error).to.equal(error.message.split("\n")[0])
      expect(second).to.include({ id: `good${at}`, datasets: 1 })
    })
  }

  it("tells which Node a CommonJS package wants that requires ES modules, where this one can't", async () => {
    const module = `throw Object.assign(new Error("require() of ES Module x not supported"), { code: "ERR_REQUIRE_ESM" })`
    const index = new RepositoryIndex([await plugins.add("common", { "index.js": module })])
    expect((await rejection(index.repository("common"))).hint)
      .to.contain('the package "repo-common" is CommonJS')
      .and.contain(process.version)
      .and.contain("20.19 or newer with --node")
  })

  it("tells of a loader that is no function", async () => {
    const text = withStatics('static datasets = { "org.x.thing": 12 }')
    const index = new RepositoryIndex([await plugins.add("loaders", { "index.js": text })])
    const error = await rejection(index.definition("loaders", "org.x.thing"))
    expect(error.message).to.match(/"org.x.thing" of repository "loaders": its loader is no function$/)
  })

  it("tells of a loader that gives the module, and what to take out of it", async () => {
    const text = withStatics('static datasets = { "org.x.thing": () => import("./thing.js") }')
    const thing = `import { defineDataset, file, textFile } from "@datamaestro/dataset"\nexport const about = 1\nexport const thing = ${THING}`
    const index = new RepositoryIndex([await plugins.add("modules", { "index.js": text, "thing.js": thing })])
    const error = await rejection(index.definition("modules", "org.x.thing"))
    expect(error.message).to.match(/: its loader gives a module: write async \(\) => \(await import\("…"\)\)\.thing$/)
  })

  for (const [how, load] of [
    ["imports", 'import("no-such-package")'],
    ["requires", '(await import("node:module")).createRequire(import.meta.url)("no-such-package")'],
  ] as const) {
    it(`says what to do about a package that a dataset ${how}, and that is not there`, async () => {
      const text = withStatics(`static datasets = { "org.x.thing": async () => (await ${load}).thing }`)
      const index = new RepositoryIndex([await plugins.add(how, { "index.js": text })])
      const error = await rejection(index.definition(how, "org.x.thing"))
      expect(error.message).to.contain("no-such-package")
      expect(error.hint).to.contain(`run npm install in the folder of the repository "${how}"`)
    })
  }

  it("says of native code that is for another machine that it is, in a dataset and in a repository", async () => {
    const load = '(await import("node:module")).createRequire(import.meta.url)("./addon.node")'
    const text = withStatics(`static datasets = { "org.x.thing": async () => (await ${load}).thing }`)
    const late = await plugins.add("late", { "index.js": text, "addon.node": "not for this machine" })
    const early = await plugins.add("early", { "index.js": `${load}\n${text}`, "addon.node": "not for this machine" })
    const index = new RepositoryIndex([late, early])
    for (const use of [index.definition("late", "org.x.thing"), index.repository("early")]) {
      const error = await rejection(use)
      expect(error.message).to.contain("addon.node")
      expect(error.hint).to.contain(`its native code is not for this machine (${process.platform} ${process.arch}`)
    }
  })

  it("says what to do about a dataset whose loader names its source in TypeScript", async () => {
    const thrown = `Object.assign(new TypeError('Unknown file extension ".ts"'), { code: "ERR_UNKNOWN_FILE_EXTENSION" })`
    const text = withStatics(`static datasets = { "org.x.thing": () => { throw ${thrown} } }`)
    const index = new RepositoryIndex([await plugins.add("unbuilt", { "index.js": text })])
    expect((await rejection(index.definition("unbuilt", "org.x.thing"))).hint).to.contain("load what is built")
  })

  it("refuses a name that would be a folder elsewhere", async () => {
    const location = { ...(await plugins.addDatasets("elsewhere", { "org.x.thing": THING })), id: "../elsewhere" }
    const error = await rejection(new RepositoryIndex([location]).repository("../elsewhere"))
    expect(error.code).to.equal("BROKEN_REPOSITORY")
    expect(error.message).to.contain("a name is made of letters")
  })

  it("knows one id, however its accents are written", async () => {
    const decomposed = "fr.x.de\u0301bat"
    const thing = THING.replaceAll("org.x.thing", decomposed)
    const index = new RepositoryIndex([await plugins.addDatasets("accents", { [decomposed]: thing })])
    const composed = decomposed.normalize("NFC")
    expect((await index.definition("accents", composed)).id).to.equal(composed)
    expect((await resolveDataset(decomposed, index)).plan.folder).to.equal("accents/fr/x/d\u00e9bat")
  })

  it("refuses an id that would be a folder elsewhere, whoever made the definition", async () => {
    const forged = `({ id: "../up", [Symbol.for("datamaestro.definition")]: 1 })`
    const index = new RepositoryIndex([await plugins.addDatasets("forged", { "../up": forged })])
    expect((await rejection(index.definition("forged", "../up"))).message).to.contain("an id is made of letters")
  })

  it("refuses a name that two packages claim, naming both", async () => {
    const one = await plugins.addDatasets("claimed", { "org.x.thing": THING })
    const other: RepositoryLocation = { ...one, package: "another-package" }
    expect(() => new RepositoryIndex([one, other])).to.throw(
      DatamaestroError,
      /"repo-claimed" and "another-package" both claim/,
    )
  })

  it("tells of datasets that can't be loaded, naming both dataset and repository", async () => {
    const location = await plugins.addDatasets("bad", {
      "org.x.throws": `(() => { throw new Error("boom") })()`,
      "org.x.misnamed": THING,
      "org.x.plain": `({ id: "org.x.plain" })`,
      "org.x.missing": `undefined`,
      "org.x.later": `({ id: "org.x.later", [Symbol.for("datamaestro.definition")]: 99 })`,
      "org.x.wrong": `defineDataset({ id: "org.x.wrong", resources: { data: file("ftp://e.org/a") }, describe: () => ({}) })`,
      "org.x.thing": THING,
    })
    const index = new RepositoryIndex([location])
    const reasons = {
      "org.x.throws": /boom/,
      "org.x.misnamed": /definition of "org.x.thing"/,
      "org.x.plain": /no definition/,
      "org.x.missing": /gives undefined: does its module export it\?/,
      "org.x.later": /format 99.*reads 1/,
      "org.x.wrong": /resources.data.url: .*scheme "ftp"/,
    }
    for (const [id, reason] of Object.entries(reasons)) {
      const error = await rejection(index.definition("bad", id))
      expect(error.code).to.equal("BROKEN_DEFINITION")
      expect(error.message).to.match(reason).and.contain(`Cannot use dataset "${id}" of repository "bad"`)
    }
    expect((await index.definition("bad", "org.x.thing")).id).to.equal("org.x.thing")
  })

  it("knows neither other repositories nor other datasets", async () => {
    const index = new RepositoryIndex([await plugins.addDatasets("known", { "org.x.thing": THING })])
    const unknown = await rejection(index.repository("unknown"))
    expect(unknown).to.include({ code: "UNKNOWN_REPOSITORY", hint: "there are: known" })
    expect((await rejection(index.definition("known", "toString"))).code).to.equal("UNKNOWN_DATASET")
  })

  it("turns packs into files by the function it is given", async () => {
    const location = await plugins.addDatasets("packed", { "org.x.thing": THING })
    const packed: RepositoryLocation = { ...location, module: { kind: "pack", hash: "abc", entry: "index.js" } }
    const index = new RepositoryIndex([packed], {
      modulePath: async (module) => join(plugins.root, "packed", module.kind === "pack" ? module.entry : "?"),
    })
    expect((await index.repository("packed")).datasets.size).to.equal(1)
    expect((await rejection(new RepositoryIndex([packed]).repository("packed"))).message).to.contain("abc")
  })

  it("loads ES modules also from the one CommonJS file that the agent is", async () => {
    const location = await plugins.addDatasets("bundled", { "org.x.thing": THING })
    const entry = join(plugins.root, "entry.ts")
    const source = new URL("../../../packages/agent/src/repositories/repository-index.ts", import.meta.url).pathname
    await writeFile(
      entry,
      `import { RepositoryIndex } from ${JSON.stringify(source)}
const index = new RepositoryIndex([JSON.parse(process.argv[2]!)])
index.definition("bundled", "org.x.thing").then((definition) => console.log(definition.id))`,
    )
    const outfile = join(plugins.root, "agent.cjs")
    const options: BuildOptions = {
      bundle: true,
      platform: "node",
      format: "cjs",
      target: "node20.18",
      conditions: ["@datamaestro/source"],
      mainFields: ["module", "main"],
    }
    await build({ ...options, entryPoints: [entry], outfile, minify: true, logLevel: "error" })
    const { stdout } = await promisify(execFile)(process.execPath, [outfile, JSON.stringify(location)])
    expect(stdout).to.equal("org.x.thing\n")
  })

  it("keeps an error of ours as it is", () => {
    const error = new DatamaestroError("UNKNOWN_VARIANT", "Cannot")
    expect(brokenDefinition("a", "b", error)).to.equal(error)
  })
})
