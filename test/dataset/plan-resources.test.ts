import { expect } from "chai"
import {
  datafolderPath,
  file,
  gunzip,
  md5,
  planResources,
  reference,
  sha256,
  stateName,
  step,
  symbolicPath,
  tar,
  zip,
  PATH,
  type PlannedResource,
  type Resources,
} from "@datamaestro/dataset"

function plan(resources: Resources): PlannedResource[] {
  return planResources("org.example.thing", resources, {
    reference: (key) => ({ id: `org.example.${key}`, repository: "text" }),
    input: (_key, name) => ({
      $path: { repository: "text", dataset: "org.example.thing", resource: name, segments: [] },
    }),
  })
}

function targets(resources: Resources): (string | undefined)[] {
  return plan(resources).map((resource) => ("target" in resource ? resource.target : undefined))
}

describe("planResources", () => {
  it("turns keys into the names of states", () => {
    const names = { trainImages: "train_images", train_images: "train_images", EMBEDDINGS: "EMBEDDINGS", data: "data" }
    for (const [key, name] of Object.entries(names)) expect(stateName(key)).to.equal(name)
    expect(stateName("trainURLList2")).to.equal("train_url_list2")
    expect(stateName("data_6B")).to.equal("data_6B")
    expect(stateName("images.train")).to.equal("images.train")
    expect(stateName("données2HTMLBrut")).to.equal("données2_html_brut")
    expect(stateName("ÉTÉ")).to.equal("ÉTÉ")
  })

  const gunzipping: [string, Parameters<typeof file>, string, boolean][] = [
    ["a .gz URL by itself", ["https://e.org/x/a.idx.gz"], "a.idx", true],
    ["whatever follows the path", ["https://e.org/a.GZ?download=1#x"], "a", true],
    ["not when told not to", ["https://e.org/a.gz", { gunzip: false }], "a.gz", false],
    ["not when the name ends in .gz", ["https://e.org/a.gz", { name: "b.gz" }], "b.gz", false],
    ["even then when told to", ["https://e.org/a.gz", { name: "b.gz", gunzip: true }], "b.gz", true],
    ["what does not look like it when told to", ["https://e.org/a", { gunzip: true }], "a", true],
    ["by a list of transforms", ["https://e.org/a.bin", { transforms: [gunzip()] }], "a.bin", true],
    ["not with an empty list", ["https://e.org/a.gz", { transforms: [] }], "a.gz", false],
    ["not a plain file", ["https://e.org/b%20c.txt"], "b c.txt", false],
  ]
  for (const [what, parameters, target, transformed] of gunzipping) {
    it(`gunzips ${what}`, () => {
      const [resource] = plan({ data: file(...parameters) })
      expect(resource).to.deep.include({ target, transforms: transformed ? [{ kind: "gunzip" }] : [] })
    })
  }

  it("takes a sum to be of a file's output and of an archive's download, in lower case", () => {
    const sum = md5("AB".repeat(16))
    const [one, two, three] = plan({
      one: file("https://e.org/a.gz", { integrity: sum }),
      two: tar("https://e.org/b.tgz", { integrity: [sum] }),
      three: file(["https://e.org/c", "https://mirror.org/c"], {
        integrity: sha256("0".repeat(64), "download"),
        size: 3,
      }),
    })
    expect(one)
      .to.have.nested.property("download.integrity[0]")
      .deep.equal({ algorithm: "md5", hex: "ab".repeat(16), of: "output" })
    expect(two).to.have.nested.property("download.integrity[0].of", "download")
    expect(three)
      .to.have.property("download")
      .deep.equal({
        urls: ["https://e.org/c", "https://mirror.org/c"],
        integrity: [{ algorithm: "sha256", hex: "0".repeat(64), of: "download" }],
        size: 3,
      })
  })

  it("puts the only archive into the folder itself, also beside files", () => {
    expect(targets({ data: zip("https://e.org/images.zip"), labels: file("https://e.org/l.csv") })).to.deep.equal([
      "",
      "l.csv",
    ])
    expect(targets({ data: zip("https://e.org/images.zip", { into: "x/y" }) })).to.deep.equal(["x/y"])
  })

  it("names the folders of several archives after them, all suffixes gone", () => {
    for (const suffix of [
      ".tar",
      ".tar.gz",
      ".tgz",
      ".tar.bz2",
      ".tbz2",
      ".tar.xz",
      ".txz",
      ".tar.zst",
      ".zip",
      ".TAR.GZ",
    ]) {
      const found = targets({ a: tar(`https://e.org/v1.0/train.v2${suffix}?x=1`), b: zip("https://e.org/test.zip") })
      expect(found).to.deep.equal(["train.v2", "test"])
    }
  })

  it("keeps archives of one base name apart, the first one where it was", () => {
    const found = targets({
      train: tar("https://e.org/train/images.tar.gz"),
      testSet: zip("https://e.org/test/images.zip"),
      more: zip("https://e.org/IMAGES.zip"),
    })
    expect(found).to.deep.equal(["images", "images-test_set", "IMAGES-more"])
  })

  it("keeps archives clear of what an author named, also when that comes later", () => {
    const found = targets({
      a: zip("https://e.org/x.zip"),
      b: zip("https://e.org/y.zip"),
      c: file("https://e.org/z", { name: "x/z" }),
    })
    expect(found).to.deep.equal(["x-a", "y", "x/z"])
  })

  it("falls back to the resource's name where the URL has none", () => {
    expect(targets({ trainData: zip("https://e.org/"), b: zip("https://e.org/%2e%2e") })).to.deep.equal([
      "train_data",
      "b",
    ])
  })

  it("orders resources after what they need, otherwise as written", () => {
    const run = async (): Promise<void> => {}
    const planned = plan({
      late: step({ from: ["middle", "source"], name: "late.txt", run, version: "3" }),
      middle: step({ from: ["rawData"], name: "middle.txt", run, transient: true }),
      rawData: file("https://e.org/a"),
      source: reference({ id: "org.example.source" }),
      table: datafolderPath("large", "sub/x.csv"),
    })
    expect(planned.map(({ name }) => name)).to.deep.equal(["raw_data", "middle", "source", "late", "table"])
    expect(planned[1]).to.deep.equal({
      kind: "step",
      name: "middle",
      from: ["raw_data"],
      inputs: {
        rawData: { $path: { repository: "text", dataset: "org.example.thing", resource: "raw_data", segments: [] } },
      },
      target: "middle.txt",
      transient: true,
      version: "1",
    })
    expect(planned[2]).to.deep.equal({
      kind: "reference",
      name: "source",
      id: "org.example.source",
      repository: "text",
    })
    expect(planned[3]).to.include({ version: "3", transient: false })
    expect(planned[4]).to.deep.equal({ kind: "datafolder", name: "table", folder: "large", path: "sub/x.csv" })
  })

  it("is pure JSON", () => {
    const planned = plan({
      a: tar("https://e.org/a.tar", { strip: 1, include: ["train/**"], subpath: "x", files: ["y"] }),
    })
    expect(JSON.parse(JSON.stringify(planned))).to.deep.equal(planned)
    expect(planned[0]).to.include({ strip: 1, subpath: "x" })
  })
})

describe("symbolicPath", () => {
  const root = symbolicPath({ repository: "text", dataset: "org.x", resource: "data", segments: [] })

  it("joins without changing what it joins to", () => {
    expect(root.join("train/pos", "a.txt")[PATH].segments).to.deep.equal(["train", "pos", "a.txt"])
    expect(root[PATH].segments).to.deep.equal([])
  })

  for (const segment of ["..", "a/../../b", "/etc", "", "a//b", "C:\\x"]) {
    it(`refuses to join ${JSON.stringify(segment)}`, () => {
      expect(() => root.join(segment)).to.throw(/Cannot define dataset "org.x": describe: join/)
    })
  }
})
