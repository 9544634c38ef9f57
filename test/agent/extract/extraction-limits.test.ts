import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { ExtractionLimits } from "../../../packages/agent/src/extract/extraction-limits.ts"

const GIB = 1024 ** 3

describe("the limits of an extraction", () => {
  it("are the bytes that are free, over all that is declared", () => {
    const limits = new ExtractionLimits("a.zip", 100, Infinity)
    limits.requireSpace(60)
    limits.requireSpace(40)
    expect(() => limits.requireSpace(1))
      .to.throw(DatamaestroError, 'Cannot extract "a.zip": it needs 101 bytes, 100 are free')
      // Of what is kept only whoever downloaded it knows.
      .that.includes({ code: "NO_SPACE", hint: "free some space, or choose another place with --data" })
  })

  it("are the files that the file system still takes", () => {
    const limits = new ExtractionLimits("a.zip", Infinity, 3)
    limits.requireSpace(10, 3)
    expect(() => limits.requireSpace(10, 4))
      .to.throw(DatamaestroError, "it has 4 files or more, the file system takes 3 more (inodes)")
      .with.property("code", "NO_SPACE")
  })

  it("are what an archive can honestly hold, unless it is small", () => {
    const limits = new ExtractionLimits("a.zip", Infinity, Infinity)
    limits.requireRatio(GIB, GIB / 1000 + 1)
    limits.requireRatio(100 * 1024 ** 2, 1)
    expect(() => limits.requireRatio(GIB, GIB / 1000 - 1))
      .to.throw(DatamaestroError, "decompression bomb")
      .with.property("code", "UNSAFE_ARCHIVE")
  })
})
