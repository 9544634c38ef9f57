import { datasetName, exportName } from "../../../packages/controller/src/authoring/dataset-name.ts"
import { datasetTemplate } from "../../../packages/controller/src/authoring/dataset-template.ts"
import { registerDataset } from "../../../packages/controller/src/authoring/register-dataset.ts"
import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"

describe("datasetName", () => {
  for (const [typed, id] of [
    ["org.example.flowers", "org.example.flowers"],
    ["https://www.example.org/data/Flowers.csv.gz", "org.example.flowers"],
    ["https://data.example.org:8443/a/b/images.tar.bz2?x=1#y", "org.example.data.images"],
    ["http://example.org/", "org.example"],
    ["https://example.org/d%C3%A9mocratie%20(1).zip", "org.example.démocratie-1"],
    ["https://example.org/archive/v1.2.zip", "org.example.v1-2"],
  ] as const) {
    it(`makes ${id} of ${typed}`, () => expect(datasetName(typed).id).to.equal(id))
  }

  for (const typed of [
    "two words",
    "org..x",
    "../x",
    "ftp://example.org/x",
    "http://127.0.0.1/x",
    "https://u:secret@e.org/x",
    "https://",
  ]) {
    it(`refuses ${typed}, and tells no password`, () => {
      try {
        datasetName(typed)
        expect.fail("it was taken")
      } catch (error) {
        expect(error).to.be.instanceOf(DatamaestroError).and.include({ code: "USAGE" })
        expect((error as DatamaestroError).message).not.to.contain("secret")
      }
    })
  }

  it("gives names that can be exported", () => {
    const ids = ["org.flowers", "org.6b-vectors", "org.delete", "org.file", "fr.démocratie", "org.a_b-c"]
    const names = ["flowers", "dataset6bVectors", "datasetDelete", "datasetFile", "démocratie", "aBC"]
    expect(ids.map(exportName)).to.deep.equal(names)
  })
})

describe("datasetTemplate", () => {
  for (const [file, resource, value] of [
    ["a.tar.gz", "tar", "folder"],
    ["a.tgz", "tar", "folder"],
    ["a.zip", "zip", "folder"],
    ["a.csv.gz", "file", "csv"],
    ["a.txt", "file", "textFile"],
    ["a-ubyte.gz", "file", "idx"],
    ["a.parquet", "file", "rawFile"],
  ] as const) {
    it(`fetches ${file} by ${resource}`, () => {
      const text = datasetTemplate({ id: "org.x", url: `https://e.org/${file}` })
      expect(text).to.contain(`data: ${resource}("https://e.org/${file}")`).and.contain(`=> ${value}(data)`)
    })
  }
})

it("names the file of an address that ends in none", () => {
  expect(datasetTemplate({ id: "org.e", url: "https://e.org/" })).to.contain('file("https://e.org/", { name: "data" })')
})

describe("registerDataset", () => {
  const registered = (body: string, path = "index.ts"): string =>
    registerDataset(
      { path, text: `class Mine extends Repository {\n${body}\n}\n`, exported: "Mine" },
      "org.x",
      `org.x.${path.split(".").at(-1)}`,
    )
  const entry = (file: string): string => `"org.x": async () => (await import("./${file}")).x,`

  it("puts it before the others, however they are written", () => {
    expect(registered(`  static override readonly datasets = {\n    "a": b,\n  }`)).to.contain(
      `datasets = {\n    ${entry("org.x.ts")}\n    "a": b,\n  }`,
    )
    expect(registered(`  static datasets: Readonly<Record<string, Loader>> = {}`)).to.contain(
      `= {\n    ${entry("org.x.ts")}\n  }`,
    )
    expect(registered(`  static datasets = { "a": b }`, "index.js")).to.contain(`= { ${entry("org.x.js")} "a": b }`)
  })

  it("imports as the module does", () => {
    expect(registered(`  static datasets = { a: () => import("./a.js") }`)).to.contain(entry("org.x.js"))
  })

  it("takes the class that is meant", () => {
    const text = `class Other { static datasets = {} }\nclass Mine { static datasets = {} }\n`
    const result = registerDataset({ path: "i.js", text, exported: "Mine" }, "org.x", "org.x.js")
    expect(result).to.match(/^class Other \{ static datasets = \{\} \}\nclass Mine.*\n.*org\.x/)
  })

  it("says what to write by hand where there is no such object", () => {
    expect(() => registered(`  static datasets = all`)).to.throw(DatamaestroError, /has no "static datasets = \{"/)
  })
})
