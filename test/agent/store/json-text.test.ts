import { expect } from "chai"
import { withJson, type ManifestFile } from "../../../packages/agent/src/store/file-list.ts"
import { jsonText } from "../../../packages/agent/src/store/json-text.ts"

function someFiles(count: number): {
  files: ManifestFile[]
  asked: () => number
  list: Parameters<typeof withJson>[0]
} {
  const files = Array.from({ length: count }, (_, index) => ({ path: `a "file" ${index}`, bytes: index }))
  let asked = 0
  const list = {
    length: count,
    *[Symbol.iterator]() {
      asked++
      yield* files
    },
  }
  return { files, asked: () => asked, list }
}

describe("the JSON of a document, in pieces", () => {
  it("is what it should be", () => {
    const { files, list } = someFiles(3000)
    const document = { a: [1, null, "x"], none: undefined, files: list, deep: { json: "text", 'q"': true }, empty: {} }
    const pieces = [...jsonText(document)]
    expect(JSON.parse(pieces.join(""))).to.deep.equal({ ...JSON.parse(JSON.stringify({ ...document, files })) })
    expect(pieces.length).to.be.greaterThan(1)
  })

  it("has files whose JSON was made beforehand, which are gone through once for any number of documents", () => {
    const { files, asked, list } = someFiles(3000)
    const made = withJson(list)
    for (const name of ["ready", "manifest"]) {
      expect(JSON.parse([...jsonText({ name, files: made, behind: 1 })].join(""))).to.deep.equal({
        name,
        files,
        behind: 1,
      })
    }
    expect(asked()).to.equal(1)
    expect([...made]).to.deep.equal(files)
    expect(made.length).to.equal(3000)
  })

  it("is not made beforehand where it would take much memory", () => {
    expect(withJson(someFiles(60_000).list)).not.to.have.property("json")
  })

  it("of thousands of small records is made in one call each", () => {
    const record = { source: "s", none: undefined, entries: ["part"], files: [{ path: "part", bytes: 1, sha256: "0" }] }
    const resources = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`part${index}`, record]))
    const { stringify } = JSON
    let calls = 0
    JSON.stringify = ((value: unknown) => {
      calls++
      return stringify(value)
    }) as typeof stringify
    let text: string
    try {
      text = [...jsonText({ version: 1, resources })].join("")
    } finally {
      JSON.stringify = stringify
    }
    expect(text).to.equal(stringify({ version: 1, resources }))
    expect(calls).to.be.below(2500)
  })
})
