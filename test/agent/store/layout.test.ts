import { datasetFolder, finalPaths, folderName, resourcePath } from "../../../packages/agent/src/store/layout.ts"
import type { Plan, PlannedResource } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { homedir } from "node:os"
import { join } from "node:path"

const paths = { data: "/d", datasets: "/d/data", cache: "/d/cache", settings: "/d/settings.json" }
const resources: PlannedResource[] = [
  {
    kind: "file",
    name: "one",
    download: { urls: [], integrity: [] },
    target: "sub/one.txt",
    transforms: [],
    transient: false,
  },
  { kind: "zip", name: "all", download: { urls: [], integrity: [] }, target: "", strip: "auto" },
  { kind: "datafolder", name: "table", folder: "large", path: "a/t.csv" },
  { kind: "datafolder", name: "whole", folder: "large", path: "" },
  { kind: "reference", name: "other", id: "org.y[dim=50]", repository: "image" },
]
const plan: Plan = { id: "org.x", base: "org.x", repository: "text", folder: "text/org/x", resources, value: {} }

describe("layout", () => {
  it("turns ids into folders, variants into one name without unsafe characters", () => {
    expect(folderName("image", "com.lecun.mnist")).to.equal("image/com/lecun/mnist")
    expect(folderName("text", "org.x[corpus=6B,dim=1.5]")).to.equal("text/org/x[corpus=6B,dim=1.5]")
    expect(folderName("text", 'org.x[k="a/../b:*?"]')).to.equal("text/org/x[k=%22a%2F..%2Fb%3A%2A%3F%22]")
    expect(folderName("text", "org.x[k=é💾%2F]")).to.equal("text/org/x[k=é%F0%9F%92%BE%252F]")
    expect(datasetFolder(paths, plan)).to.equal("/d/data/text/org/x")
  })

  it("knows where each kind of resource ends up", () => {
    const found = resources.map((resource) => resourcePath(paths, plan, resource, { large: "/big" }))
    expect(found).to.deep.equal([
      "/d/data/text/org/x/sub/one.txt",
      "/d/data/text/org/x",
      "/big/a/t.csv",
      "/big",
      "/d/data/image/org/y[dim=50]",
    ])
  })

  it("takes a relative data folder to be below the data directory, and ~ to be the home folder", () => {
    const table = resources[2] as PlannedResource
    expect(resourcePath(paths, plan, table, { large: "big" })).to.equal("/d/big/a/t.csv")
    expect(resourcePath(paths, plan, table, { large: "~/big" })).to.equal(join(homedir(), "big/a/t.csv"))
    expect(resourcePath(paths, plan, table, { large: "./~/big" })).to.equal("/d/~/big/a/t.csv")
  })

  it("tells which data folder is not set, and how to set it", () => {
    for (const datafolders of [{}, Object.create({ large: "/inherited" }) as Record<string, string>]) {
      expect(() => resourcePath(paths, plan, resources[2] as PlannedResource, datafolders))
        .to.throw(DatamaestroError, 'data folder "large" is not set')
        .with.property("hint", "tell where it is with `datamaestro datafolders set large PATH`")
    }
  })

  it("follows path references into the plans that own them", () => {
    const pathOf = finalPaths({ paths, datafolders: {}, plans: [plan] })
    const reference = { repository: "text", dataset: "org.x", resource: "all", segments: ["a", "b"] }
    expect(pathOf({ $path: reference })).to.equal("/d/data/text/org/x/a/b")
    expect(() => pathOf({ $path: { ...reference, resource: "none" } })).to.throw(DatamaestroError, 'resource "none"')
    expect(() => pathOf({ $path: { ...reference, repository: "image" } })).to.throw(DatamaestroError, 'dataset "org.x"')
  })
})
