import { expect } from "chai"
import { nearNames } from "../../../packages/agent/src/near/near-names.ts"

describe("near names", () => {
  const ids = ["com.lecun.mnist", "org.example.words", "org.example.wordlist", "org.example.qrels", "org.other.topics"]

  it("are those that contain what was typed, and those within a few slips of it, best first", () => {
    expect(nearNames("mnits", ids)).to.deep.equal(["com.lecun.mnist"])
    expect(nearNames("com.lecun.mnits", ids)).to.deep.equal(["com.lecun.mnist"])
    expect(nearNames("ORG.example.word", ids)).to.deep.equal(["org.example.wordlist", "org.example.words"])
    expect(nearNames("word", ids, { limit: 1 })).to.deep.equal(["org.example.wordlist"])
    expect(nearNames("data/train.tsv", ["v2/data/train.txt", "v2/README"], { separator: "/" })).to.deep.equal([
      "v2/data/train.txt",
    ])
  })

  it("are none that have only their first parts in common", () => {
    expect(nearNames("org.example.nosuch", ids)).to.deep.equal([])
    expect(nearNames("v2/data/a.txt", ["v2/data/b.csv", "v2/data/c.jpg"], { separator: "/" })).to.deep.equal([])
  })
})
