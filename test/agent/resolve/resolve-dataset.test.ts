import { RepositoryIndex } from "../../../packages/agent/src/repositories/repository-index.ts"
import { preparationOrder, resolveDataset } from "../../../packages/agent/src/resolve/resolve-dataset.ts"
import { stepsOf } from "../../../packages/agent/src/resolve/steps-of.ts"
import { expect } from "chai"
import { PluginPackages } from "../../helpers/plugin-packages.ts"
import { rejection } from "../../helpers/rejection.ts"

const one = (id: string, extra = ""): string =>
  `defineDataset({ id: "${id}", resources: { data: file("https://e.org/a.txt") }, describe: ({ data }) => textFile(data)${extra} })`

const VECTORS = `defineDataset({
  id: "org.x.vectors",
  axes: { dim: axis([50, 100]), corpus: axis(["6B", "42B"], { default: "6B" }) },
  resources: ({ corpus }) => ({ all: zip("https://e.org/" + corpus + ".zip") }),
  describe: ({ all }, { dim }) => folder(all.join(dim + "d")),
})`

describe("resolveDataset", () => {
  let plugins: PluginPackages
  let index: RepositoryIndex
  before(async () => {
    plugins = await PluginPackages.create()
    index = new RepositoryIndex([
      await plugins.addDatasets("text", {
        "org.x.vectors": VECTORS,
        "org.x.words": one("org.x.words"),
        "com.here.digits": one("com.here.digits"),
        "net.shared": one("net.shared"),
        // One dataset referring to it twice, directly and through another one.
        "org.x.mixed": `defineDataset({
          id: "org.x.mixed",
          resources: {
            nearVectors: reference({ id: "org.x.vectors" }, { dim: 50, corpus: "42B" }),
            chained: reference({ id: "org.x.chained", repository: "other" }),
            shared: reference(async () => ({ id: "net.shared" })),
            table: datafolderPath("large", "t.csv"),
            vocab: step({ from: ["nearVectors", "table"], name: "vocab.txt", run: async ({ output }) => { globalThis.ranWith = output } }),
          },
          describe: ({ nearVectors, chained, shared, vocab }) => ({
            vectors: textFile(nearVectors.path.join("v.txt")), archive: nearVectors.resources.all,
            whole: chained.value, shared: shared.value, id2: shared.id + "@" + shared.repository, vocab,
          }),
        })`,
        "org.cycle.a": `defineDataset({ id: "org.cycle.a", resources: { b: reference({ id: "org.cycle.b" }) }, describe: ({ b }) => ({ b: b.value }) })`,
        "org.cycle.b": `defineDataset({ id: "org.cycle.b", resources: { a: reference({ id: "org.cycle.a" }) }, describe: ({ a }) => ({ a: a.value }) })`,
        "org.lost": `defineDataset({ id: "org.lost", resources: { a: reference({ id: "org.nowhere" }) }, describe: () => ({}) })`,
        "org.tail": `defineDataset({ id: "org.tail", resources: { a: reference({ id: "words" }) }, describe: () => ({}) })`,
        "org.badvariant": `defineDataset({ id: "org.badvariant", resources: { a: reference({ id: "org.x.vectors" }, { dim: 60 }) }, describe: () => ({}) })`,
        "org.nopath": `defineDataset({ id: "org.nopath", resources: { a: reference({ id: "org.x.mixed" }) }, describe: ({ a }) => textFile(a.path.join("x")) })`,
        "org.part": `defineDataset({ id: "org.part", resources: { a: reference({ id: "net.shared" }) }, describe: ({ a }) => ({ train: a.data }) })`,
        "org.piece": `defineDataset({ id: "org.piece", resources: { a: reference({ id: "net.shared" }) }, describe: ({ a }) => textFile(a.resources.dta) })`,
        "org.odd": `defineDataset({ id: "org.odd", resources: { a: reference(() => 7) }, describe: () => ({}) })`,
        "org.referred": `defineDataset({ id: "org.referred", resources: { a: reference({ id: "net.shared" }) }, describe: ({ a }) => ({ train: textFile(a) }) })`,
        "org.undefined": `defineDataset({ id: "org.undefined", resources: { a: file("https://e.org/a") }, describe: ({ a }) => ({ train: { x: textFile(a.nope) } }) })`,
        "org.throws": `defineDataset({ id: "org.throws", resources: { a: file("https://e.org/a") }, describe: ({ a }) => ({ train: a.nope.join("x") }) })`,
        "org.lacking": `defineDataset({ id: "org.lacking", resources: { a: file("https://e.org/a") }, describe: ({ aa }) => ({ train: aa.join("x") }) })`,
        "org.round": `defineDataset({ id: "org.round", resources: {}, describe: () => {
          const part = { same: [{ a: 1 }] }
          return { twice: [part.same, part.same], part: Object.assign(part, { whole: { part } }) }
        } })`,
        "org.empty": `defineDataset({ id: "org.empty", axes: { n: axis([1, 2]) }, resources: ({ n }) => ({ a: { 2: file("https://e.org/a") }[n] }), describe: ({ a }) => ({ a }) })`,
        "org.date": `defineDataset({ id: "org.date", resources: {}, describe: () => ({ made: [new Date(0)] }) })`,
        "org.text": `defineDataset({ id: "org.text", resources: { a: file("https://e.org/a") }, describe: ({ a }) => ({ b: \`\${a}/b\` }) })`,
        "org.noaxis": `defineDataset({ id: "org.noaxis", axes: { n: axis([1, 2]) }, resources: ({ n, m }) => ({ a: file(n === 1 ? "https://e.org/" + m : "https://e.org/a") }), describe: () => ({}) })`,
        "org.noaxis.told": `defineDataset({ id: "org.noaxis.told", axes: { n: axis([1]) }, resources: { a: file("https://e.org/a") }, describe: ({ a }, { m }) => ({ m }) })`,
        "org.ownid": `defineDataset({ id: "org.ownid", resources: {}, describe: () => ({ id: "x" }) })`,
        "org.dollar": `defineDataset({ id: "org.dollar", resources: {}, describe: () => ({ a: { $path: 1 } }) })`,
        "org.bare": `defineDataset({ id: "org.bare", resources: { a: file("https://e.org/a") }, describe: ({ a }) => a })`,
        "org.late": `defineDataset({ id: "org.late", axes: { n: axis([1]) }, resources: () => ({ a: file("https://e.org/a", { name: "../a" }) }), describe: () => ({}) })`,
      }),
      await plugins.addDatasets("other", {
        "com.there.digits": one("com.there.digits"),
        "net.shared": one("net.shared"),
        "org.x.chained": `defineDataset({ id: "org.x.chained", resources: { v: reference({ id: "org.x.vectors" }, { dim: 100 }) }, describe: ({ v }) => ({ v: v.value }) })`,
      }),
      await plugins.add("broken", { "index.js": `throw new Error("no such GPU")` }),
      await plugins.add("former", {
        "index.js": `import { Repository } from "@datamaestro/dataset"
export class MyRepository extends Repository {
  static NAMESPACE = "former"
  static datasets = {}
  static movedTo = { text: ["org.x.words"], other: ["net.shared"] }
}`,
      }),
    ])
  })
  after(async () => plugins[Symbol.asyncDispose]())

  const idOf = async (selector: string, defaultRepository?: string): Promise<string> => {
    const { plan } = await resolveDataset(selector, index, { defaultRepository })
    return `${plan.id}@${plan.repository}`
  }

  it("finds a dataset by its id, by the end of it, and in the repository that is named", async () => {
    expect(await idOf("org.x.words")).to.equal("org.x.words@text")
    expect(await idOf("words")).to.equal("org.x.words@text")
    expect(await idOf("x.words@text")).to.equal("org.x.words@text")
    expect(await idOf("digits@other")).to.equal("com.there.digits@other")
    expect(await idOf("vectors[dim=100]")).to.equal("org.x.vectors[corpus=6B,dim=100]@text")
  })

  it("knows which repository had a dataset before", async () => {
    const { cameFrom } = await resolveDataset("org.x.words@former", index)
    const asked = ["former", "other", "broken", "nowhere"].map((repository) => cameFrom?.(repository))
    expect(await Promise.all(asked)).to.deep.equal([true, false, false, false])
    expect(await (await resolveDataset("net.shared@text", index)).cameFrom?.("former")).to.equal(false)
  })

  it("searches the default repository first", async () => {
    expect(await idOf("digits", "other")).to.equal("com.there.digits@other")
    expect(await idOf("net.shared", "other")).to.equal("net.shared@other")
    expect(await idOf("words", "other")).to.equal("org.x.words@text")
    expect(await idOf("words", "unheard-of")).to.equal("org.x.words@text")
    // A full id wins over the end of another one, wherever that is.
    expect(await idOf("com.here.digits", "other")).to.equal("com.here.digits@text")
  })

  it("lists the matches when there are several", async () => {
    const error = await rejection(resolveDataset("digits", index))
    expect(error.code).to.equal("AMBIGUOUS_DATASET")
    expect(error.details["matches"]).to.deep.equal(["com.here.digits@text", "com.there.digits@other"])
    expect(error.message).to.contain("com.here.digits@text, com.there.digits@other")
    expect((await rejection(resolveDataset("net.shared", index))).code).to.equal("AMBIGUOUS_DATASET")
  })

  it("suggests near ids when there is none, and tells what could not be looked into", async () => {
    const error = await rejection(resolveDataset("org.x.wrods", index))
    expect(error.code).to.equal("UNKNOWN_DATASET")
    expect(error.hint).to.contain("did you mean org.x.words")
    expect(error.message).to.contain("no such GPU")
    expect((await rejection(resolveDataset("vectros", index))).hint).to.contain("org.x.vectors")
    // Two letters swapped are two slips.
    expect((await rejection(resolveDataset("wrods", index))).hint).to.match(
      /: it may be there; did you mean org.x.words/,
    )
    expect((await rejection(resolveDataset("zzzzzzzz@other", index))).hint).to.contain("datamaestro search")
    expect((await rejection(resolveDataset("ords", index))).code).to.equal("UNKNOWN_DATASET")
    expect((await rejection(resolveDataset("words@broken", index))).code).to.equal("BROKEN_REPOSITORY")
    expect((await rejection(resolveDataset("words@none", index))).code).to.equal("UNKNOWN_REPOSITORY")
  })

  it("plans what a variant needs, in a folder of its own", async () => {
    const { plan } = await resolveDataset("org.x.vectors[dim=100,corpus=42B]", index)
    expect(plan).to.deep.equal({
      id: "org.x.vectors[corpus=42B,dim=100]",
      base: "org.x.vectors",
      repository: "text",
      folder: "text/org/x/vectors[corpus=42B,dim=100]",
      resources: [
        {
          kind: "zip",
          name: "all",
          download: { urls: ["https://e.org/42B.zip"], integrity: [] },
          target: "",
          strip: "auto",
        },
      ],
      value: {
        $type: "Folder",
        fields: {
          path: {
            $path: {
              repository: "text",
              dataset: "org.x.vectors[corpus=42B,dim=100]",
              resource: "all",
              segments: ["100d"],
            },
          },
        },
      },
    })
  })

  it("follows references, across repositories, and keeps paths with the dataset that owns them", async () => {
    const dataset = await resolveDataset("mixed", index)
    const owned = (id: string, resource: string, ...segments: string[]): object => ({
      $path: { repository: "text", dataset: id, resource, segments },
    })
    const large = "org.x.vectors[corpus=42B,dim=50]"
    expect(dataset.plan.value).to.deep.equal({
      vectors: { $type: "TextFile", fields: { path: owned(large, "all", "50d", "v.txt") } },
      archive: owned(large, "all"),
      whole: { v: { $type: "Folder", fields: { path: owned("org.x.vectors[corpus=6B,dim=100]", "all", "100d") } } },
      shared: { $type: "TextFile", fields: { path: owned("net.shared", "data") } },
      id2: "net.shared@text",
      vocab: owned("org.x.mixed", "vocab"),
    })
    expect(dataset.plan.resources.slice(0, 3)).to.deep.equal([
      { kind: "reference", name: "near_vectors", id: large, repository: "text" },
      { kind: "reference", name: "chained", id: "org.x.chained", repository: "other" },
      { kind: "reference", name: "shared", id: "net.shared", repository: "text" },
    ])
    expect([...dataset.references.keys()]).to.deep.equal([`${large}@text`, "org.x.chained@other", "net.shared@text"])
    expect(preparationOrder(dataset).map(({ plan }) => plan.id)).to.deep.equal([
      large,
      "org.x.vectors[corpus=6B,dim=100]",
      "org.x.chained",
      "net.shared",
      "org.x.mixed",
    ])
    expect(JSON.parse(JSON.stringify(dataset.plan))).to.deep.equal(dataset.plan)
  })

  it("has the code of steps, and what they read by the authored names", async () => {
    const dataset = await resolveDataset("mixed", index)
    const step = dataset.plan.resources.find(({ kind }) => kind === "step")
    expect(step).to.deep.include({ name: "vocab", from: ["near_vectors", "table"], target: "vocab.txt", version: "1" })
    expect(step).to.have.nested.property("inputs.nearVectors.$path.dataset", "org.x.vectors[corpus=42B,dim=50]")
    expect(step).to.have.nested.property("inputs.table.$path.resource", "table")
    const run = stepsOf(dataset.resources).get("vocab")
    await run?.({ input: {}, output: "/tmp/out", signal: new AbortController().signal, progress: () => {} })
    expect((globalThis as { ranWith?: string }).ranWith).to.equal("/tmp/out")
  })

  it("shows an example where an axis should have been selected, only when asked to", async () => {
    expect((await rejection(resolveDataset("vectors", index))).code).to.equal("UNKNOWN_VARIANT")
    const { plan } = await resolveDataset("vectors", index, { example: true })
    expect(plan.id).to.equal("org.x.vectors[corpus=6B,dim=50]")
  })

  const broken: [string, RegExp][] = [
    ["org.cycle.a", /lead back to it: org.cycle.a@text -> org.cycle.b@text -> org.cycle.a@text/],
    ["org.lost", /resources.a: .*"org.nowhere"/],
    ["org.tail", /resources.a: no repository has a dataset "words"/],
    ["org.badvariant", /resources.a: Cannot select dim=60 .*one of 50, 100/],
    ["org.nopath", /describe: a\.path: dataset "org.x.mixed" is no single file or folder/],
    ["org.part", /describe: a: there is no field "data": there are id, repository, value, resources, path$/],
    ["org.piece", /describe: a\.resources: there is no resource "dta": there are data$/],
    ["org.odd", /resources.a: .*neither a definition/],
    ["org.referred", /describe.train.path: it is no path: a reference has its own in .path$/],
    ["org.undefined", /describe.train.x.path: undefined is neither JSON nor a path/],
    ["org.throws", /describe: Cannot read properties of undefined/],
    ["org.lacking", /describe: there is no resource "aa": there are a$/],
    ["org.round", /describe.part.whole.part: it is a part of itself, without an end$/],
    ["org.date", /describe.made.0: a Date is neither JSON/],
    ["org.text", /describe: a path is no text yet: write path.join/],
    ["org.empty[n=1]", /resources.a: this is no resource: make one with file/],
    ["org.noaxis[n=1]", /axes: there is no axis "m": there are n$/],
    ["org.noaxis.told[n=1]", /axes: there is no axis "m": there are n$/],
    ["org.ownid", /describe.id: /],
    ["org.dollar", /describe.a.\$path: /],
    ["org.bare", /describe: it must return an object/],
    ["org.late[n=1]", /resources.a.name: "..\/a" leaves/],
  ]
  for (const [selector, reason] of broken) {
    it(`tells what is wrong with ${selector}, naming dataset and repository`, async () => {
      const error = await rejection(resolveDataset(selector, index))
      expect(error.code).to.equal("BROKEN_DEFINITION")
      expect(error.message)
        .to.match(reason)
        .and.match(/Cannot use dataset "org\.[a-z.]+" of repository "text": /)
    })
  }
})
