import { expect } from "chai"
import { FileList, filesBelow, pathsOf, totalBytes, withJson } from "../../../packages/agent/src/store/file-list.ts"
import { jsonText } from "../../../packages/agent/src/store/json-text.ts"
import { WrittenFiles } from "../../../packages/agent/src/extract/written-files.ts"

const sum = (digit: string): string => digit.repeat(64)

describe("lists of files", () => {
  const written = new WrittenFiles()
  const numbers = [written.add(3, sum("f")), written.add(2 ** 40), written.add(0, sum("7"))]
  written.setSum(numbers[1] ?? 0, sum("a"))

  it("keep names, sizes and sums, in the names' order", () => {
    const list = written.list(["top/é", "top/b", "top/ü/c", "top/d"], [2, 0, 1, 2], 4)
    expect(list.length).to.equal(4)
    expect([...list]).to.deep.equal([
      { path: "é", bytes: 0, sha256: sum("7") },
      { path: "b", bytes: 3, sha256: sum("f") },
      { path: "ü/c", bytes: 2 ** 40, sha256: sum("a") },
      { path: "d", bytes: 0, sha256: sum("7") },
    ])
  })

  it("are the same in another thread", () => {
    const list = written.list(["a", "b"], [0, 1], 0)
    expect([...new FileList(structuredClone(list))]).to.deep.equal([...list])
    expect([...written.list([], [], 0)]).to.deep.equal([])
  })

  it("have a size that nobody has to go through them for", () => {
    const list = written.list(["a", "b", "c"], [0, 1, 2], 0)
    const files = withJson(filesBelow("t", list))
    list[Symbol.iterator] = () => expect.fail("they were gone through")
    expect(totalBytes(files)).to.equal(2 ** 40 + 3)
  })

  it("are joined below a folder", () => {
    const files = filesBelow("t", written.list(["a"], [0], 0), written.list(["b"], [1], 0))
    expect([...pathsOf(files)]).to.deep.equal(["t/a", "t/b"])
    expect([files.length, totalBytes(files)]).to.deep.equal([2, 2 ** 40 + 3])
    expect([...pathsOf(filesBelow("", files))]).to.deep.equal(["t/a", "t/b"])
  })
})

describe("JSON in pieces", () => {
  it("is what JSON.stringify makes of the same", () => {
    const documents = [
      { a: [1, "x\n", null, { b: undefined, c: [] }], 'd"': {}, e: undefined, f: [], g: true, h: null },
      [],
      {},
      "é",
    ]
    for (const document of documents) expect([...jsonText(document)].join("")).to.equal(JSON.stringify(document))
  })

  it("never has a long list in memory whole", () => {
    const count = 20_000
    const files = {
      length: count,
      *[Symbol.iterator]() {
        for (let index = 0; index < count; index++) yield { path: `f${index}`, bytes: index, sha256: sum("0") }
      },
    }
    const pieces = [...jsonText({ resources: { r: { files } } })]
    expect(Math.max(...pieces.map(({ length }) => length))).to.be.below(80_000)
    expect(JSON.parse(pieces.join(""))).to.deep.equal({ resources: { r: { files: [...files] } } })
  })
})
