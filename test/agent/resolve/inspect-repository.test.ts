import { RepositoryIndex } from "../../../packages/agent/src/repositories/repository-index.ts"
import { inspectRepository } from "../../../packages/agent/src/resolve/inspect-repository.ts"
import { expect } from "chai"
import { PluginPackages } from "../../helpers/plugin-packages.ts"
import { rejection } from "../../helpers/rejection.ts"

const SUM = `sdk.md5("${"ab".repeat(16)}")`
const data = `data: file("https://e.org/a", { integrity: ${SUM} })`
const define = (id: string, rest: string): string => `defineDataset({ id: "${id}", description: "About it", ${rest} })`
const plain = (id: string): string => define(id, `resources: { ${data} }, describe: ({ data }) => textFile(data)`)
const signal = new AbortController().signal

describe("inspectRepository", () => {
  let plugins: PluginPackages
  before(async () => void (plugins = await PluginPackages.create()))
  after(() => plugins[Symbol.asyncDispose]())

  const inspect = async (id: string, datasets: Readonly<Record<string, string>>) => {
    const index = new RepositoryIndex([await plugins.addDatasets(id, datasets)])
    return await inspectRepository(id, index, signal)
  }

  it("finds nothing wrong with what is right, and plans every variant", async () => {
    const vary = `axes: { dim: axis([50, 100]), how: axis(["a", "b", "c"], { inId: false }), seed: axis("integer") },
      resources: { ${data} }, describe: ({ data }) => textFile(data)`
    const found = await inspect("right", { "org.a": plain("org.a"), "org.vary": define("org.vary", vary) })
    expect(found).to.deep.equal({ repository: "right", datasets: 2, variants: 7, problems: [] })
  })

  const errors: [string, string, string, RegExp][] = [
    ["a definition that throws", "org.boom", `(() => { throw new Error("boom") })()`, /boom/],
    ["something else than an error that is thrown", "org.boom", `(() => { throw { code: 7 } })()`, /code: 7/],
    [
      "resources that are not there yet",
      "org.x",
      define("org.x", `resources: async () => ({ ${data} }), describe: ({ data }) => textFile(data)`),
      /resources: its function must return an object/,
    ],
    ["another id than the repository's", "org.one", plain("org.other"), /gives the definition of "org.other"/],
    [
      "a reference's unknown axis",
      "org.x",
      define("org.x", `resources: { a: reference({ id: "org.ok" }, { dim: 5 }) }, describe: () => ({})`),
      /"dim" of dataset "org.ok": it has no such axis/,
    ],
    [
      "a value outside its domain",
      "org.x",
      define("org.x", `resources: { a: reference({ id: "org.vary" }, { dim: 60 }) }, describe: () => ({})`),
      /dim=60 of dataset "org.vary": it is not one of 50, 100/,
    ],
    [
      "references in a circle",
      "org.x",
      define("org.x", `resources: { a: reference({ id: "org.x" }) }, describe: () => ({})`),
      /lead back to it: org.x@\w+ -> org.x@/,
    ],
    [
      "a reference to nothing",
      "org.x",
      define("org.x", `resources: { a: reference({ id: "org.nowhere" }) }, describe: () => ({})`),
      /org.nowhere/,
    ],
    [
      "a malformed expression",
      "org.x",
      define(
        "org.x",
        `resources: { data: file("https://e.org/a", { integrity: ${SUM}, transforms: [{ kind: "filter", pattern: "(a" }] }) }, describe: ({ data }) => textFile(data)`,
      ),
      /resources.data.transforms: "\(a" is no regular expression/,
    ],
    [
      "a describe that names what is not there",
      "org.x",
      define("org.x", `resources: { ${data} }, describe: ({ dta }) => textFile(dta)`),
      /describe: there is no resource "dta": there are data/,
    ],
    [
      "a variant that can't be planned",
      "org.x",
      define(
        "org.x",
        `axes: { n: axis([1, 2]) }, resources: ({ n }) => { if (n === 2) throw new Error("no two"); return { ${data} } }, describe: ({ data }) => textFile(data)`,
      ),
      /no two \(of the variant n=2\)/,
    ],
  ]
  for (const [at, [what, id, source, message]] of errors.entries()) {
    it(`tells of ${what}, naming the dataset, and looks at the others`, async () => {
      const vary = `axes: { dim: axis([50, 100]) }, resources: { ${data} }, describe: ({ data }) => textFile(data)`
      const others = { "org.ok": plain("org.ok"), "org.vary": define("org.vary", vary) }
      const { problems, datasets } = await inspect(`wrong${at}`, { ...others, [id]: source })
      expect(datasets).to.equal(3)
      expect(problems).to.have.length(1)
      expect(problems[0]).to.include({ level: "error", dataset: id })
      expect(problems[0]?.message).to.match(message)
    })
  }

  it("warns of what deserves a look", async () => {
    const { problems } = await inspect("look", {
      "org.bare": `defineDataset({
        id: "org.bare",
        resources: { data: file("https://e.org/a"), more: tar("http://localhost/b.zip", { include: ["{a,b"] }) },
        describe: ({ data }) => textFile(data),
      })`,
    })
    expect(problems.every(({ level, dataset }) => level === "warning" && dataset === "org.bare")).to.equal(true)
    const messages = problems.map(({ message }) => message).join("\n")
    expect(messages).to.contain("description: there is none")
    expect(messages).to.contain(`resources data: no integrity: a change of "https://e.org/a"`)
    expect(messages).to.contain("not on the public internet")
    expect(messages).to.contain(`the glob "{a,b" opens a bracket`)
    expect(messages).to.contain("resources more: neither describe nor another resource uses it")
  })

  it("tells of ids that are one on some machines, of twins in a family, and of those that others have", async () => {
    const index = new RepositoryIndex([
      await plugins.addDatasets("twins", { "org.a": plain("org.a"), "org.A": plain("org.A"), "org.b": plain("org.b") }),
      await plugins.addDatasets("other", { "org.b": plain("org.b") }),
      await plugins.add("family", {
        "index.js": `import { datasetFamily, defineDataset, file, Repository, textFile } from "@datamaestro/dataset"
          const one = () => defineDataset({ id: "org.f", description: "F", resources: { ${data.replace("sdk.", "")} }, describe: ({ data }) => textFile(data) })
          import { md5 } from "@datamaestro/dataset"
          export class MyRepository extends Repository {
            static NAMESPACE = "family"
            static datasets = datasetFamily("org", ["f"], async () => ({ datasets: [one(), one()] }))
          }`,
      }),
      await plugins.add("accents", {
        "index.js": `import { Repository } from "@datamaestro/dataset"
          export class MyRepository extends Repository {
            static NAMESPACE = "accents"
            static datasets = { "org.caf\\u00e9": () => {}, "org.cafe\\u0301": () => {} }
          }`,
      }),
    ])
    const { problems } = await inspectRepository("twins", index, signal)
    expect(problems.map(({ level, dataset }) => `${level} ${dataset}`)).to.deep.equal(["error org.a", "warning org.b"])
    const family = await inspectRepository("family", index, signal)
    expect(family.problems[0]?.message).to.match(/"org.f".*exports two of that id/)
    const error = await rejection(inspectRepository("accents", index, signal))
    expect(error.code).to.equal("BROKEN_REPOSITORY")
    expect(error.message).to.contain('it has two datasets "org.café"')
  })
})
