import { RepositoryIndex } from "../../../packages/agent/src/repositories/repository-index.ts"
import { infoOf } from "../../../packages/agent/src/resolve/info-of.ts"
import { resolveDataset } from "../../../packages/agent/src/resolve/resolve-dataset.ts"
import { expect } from "chai"
import { PluginPackages } from "../../helpers/plugin-packages.ts"

const paths = { data: "/d", datasets: "/d/data", cache: "/d/cache", settings: "/d/settings.json" }

describe("infoOf", () => {
  it("tells all that is known, and leaves out what is not", async () => {
    await using plugins = await PluginPackages.create()
    const index = new RepositoryIndex([
      await plugins.addDatasets("text", {
        "org.x.a": `defineDataset({
          id: "org.x.a", name: "A", description: "About A", url: "https://e.org/", license: "MIT", size: "3M", doi: "10.1/x",
          timestamp: true, tags: ["t"], tasks: ["k"], agreement: { id: "org.x", url: "https://e.org/terms" },
          axes: { dim: axis([1, 2]), seed: axis("integer", { default: null }) },
          resources: {
            data: file(["https://e.org/a.gz", "https://m.org/a.gz"], { integrity: sdk.md5("${"ab".repeat(16)}") }),
            table: datafolderPath("large", "t.csv"), other: datafolderPath("small"), asked: sdk.manual("https://e.org/form"),
          },
          describe: ({ data }) => ({ data }),
        })`,
      }),
    ])
    const dataset = await resolveDataset("a", index, { example: true })
    const state = { dataset: "partial", resources: { data: "complete" } } as const
    const sources = (urls: readonly string[]): string[] => ["https://near.org/a.gz", ...urls].slice(0, urls.length + 1)
    const info = infoOf(dataset, { paths, datafolders: { large: "/big" }, state, sources })
    expect(info).to.deep.equal({
      id: "org.x.a[dim=1,seed=null]",
      repository: "text",
      name: "A",
      description: "About A",
      homepage: "https://e.org/",
      license: "MIT",
      size: "3M",
      doi: "10.1/x",
      timestamp: true,
      type: "Base",
      tags: ["t"],
      tasks: ["k"],
      path: "/d/data/text/org/x/a[dim=1,seed=null]",
      state: "partial",
      resources: [
        {
          name: "data",
          kind: "file",
          urls: ["https://near.org/a.gz", "https://e.org/a.gz", "https://m.org/a.gz"],
          path: "/d/data/text/org/x/a[dim=1,seed=null]/a",
          integrity: [`md5:${"ab".repeat(16)} (output)`],
          state: "complete",
        },
        {
          name: "table",
          kind: "datafolder",
          urls: [],
          from: [{ folder: "large", path: "t.csv" }],
          path: "/big/t.csv",
          integrity: [],
          state: "none",
        },
        {
          name: "other",
          kind: "datafolder",
          urls: [],
          from: [{ folder: "small", path: "" }],
          integrity: [],
          state: "none",
        },
        {
          name: "asked",
          kind: "manual",
          urls: ["https://e.org/form"],
          path: "/d/data/text/org/x/a[dim=1,seed=null]/asked",
          integrity: [],
          state: "none",
        },
      ],
      axes: { dim: { domain: [1, 2] }, seed: { type: "integer", default: null } },
      example: "org.x.a[dim=1,seed=null]",
      agreement: { id: "org.x", url: "https://e.org/terms" },
    })
  })

  it("tells what is made of what has no address", async () => {
    await using plugins = await PluginPackages.create()
    const index = new RepositoryIndex([
      await plugins.addDatasets("text", {
        "org.x.a": `defineDataset({ id: "org.x.a", resources: { data: file("https://e.org/a") }, describe: ({ data }) => ({ data }) })`,
        "org.x.made": `defineDataset({
          id: "org.x.made",
          resources: {
            other: reference({ id: "org.x.a" }),
            both: sdk.links(["other"]),
            here: sdk.linkFolder([datafolderPath("corpora", "wsj"), "~/wsj"]),
            list: step({ from: ["other", "here"], name: "list.txt", async run() {} }),
          },
          describe: ({ list }) => ({ list }),
        })`,
      }),
    ])
    const state = { dataset: "none", resources: {} } as const
    const info = infoOf(await resolveDataset("made", index), { paths, datafolders: {}, state, sources: () => [] })
    expect(Object.fromEntries(info.resources.map(({ name, from }) => [name, from]))).to.deep.equal({
      other: [{ dataset: "org.x.a@text" }],
      both: [{ dataset: "org.x.a@text" }],
      here: [{ folder: "corpora", path: "wsj" }, { path: "~/wsj" }],
      list: [{ resource: "other" }, { resource: "here" }],
    })
  })

  it("keeps apart what is fetched besides and what instead", async () => {
    await using plugins = await PluginPackages.create()
    const index = new RepositoryIndex([
      await plugins.addDatasets("text", {
        "org.x.cut": `defineDataset({
          id: "org.x.cut",
          resources: { data: tar(sdk.pieces(["https://e.org/a.tar.001", ["https://e.org/a.tar.002", "https://m.org/a.tar.002"]])) },
          describe: ({ data }) => ({ data }),
        })`,
      }),
    ])
    const state = { dataset: "none", resources: {} } as const
    const sources = (urls: readonly string[]): string[] => [...urls]
    const info = infoOf(await resolveDataset("cut", index), { paths, datafolders: {}, state, sources })
    expect(info.resources[0]?.downloads).to.deep.equal([
      ["https://e.org/a.tar.001"],
      ["https://e.org/a.tar.002", "https://m.org/a.tar.002"],
    ])
  })
})
