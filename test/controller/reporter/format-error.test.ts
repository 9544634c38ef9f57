import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { formatError } from "../../../packages/controller/src/reporter/format-error.ts"

const plain = { debug: false, traceback: false, color: false }

describe("an error as people read it", () => {
  it("says whose it is where the message does not", () => {
    const details = { dataset: "org.x[dim=50]", resource: "vectors" }
    const lacks = new DatamaestroError("UNSUPPORTED_FORMAT", 'Cannot extract "a.zip": it has no "b"', {
      hint: "tell the author",
      details,
    })
    expect(formatError(lacks, { ...plain, host: "cluster" }).split("\n")).to.deep.equal([
      'error: Cannot extract "a.zip": it has no "b"',
      "  for: org.x[dim=50], resource vectors",
      "  on: cluster",
      "  hint: tell the author",
    ])
    const told = new DatamaestroError("NOT_PREPARED", 'Cannot use "org.x[dim=50]": no', { details })
    expect(formatError(told, plain)).to.equal('error: Cannot use "org.x[dim=50]": no')
  })
})
