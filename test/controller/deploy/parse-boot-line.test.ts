import { expect } from "chai"
import { parseBootLine } from "../../../packages/controller/src/deploy/parse-boot-line.ts"

describe("a line of the bootstrap", () => {
  it("is read as it is written", () => {
    const lines = [
      { type: "stored", folder: "/x", warnings: ["w"] },
      { type: "stored", warnings: [] },
      { type: "failed", code: "NO_NODE", message: "m", hint: "h" },
    ]
    for (const line of lines) expect(parseBootLine(JSON.stringify(line))).to.deep.equal(line)
  })

  it("counts for nothing where it is another's, or of another kind: an unknown code has no exit status", () => {
    const lines = [
      "noise",
      "{}",
      JSON.stringify({ type: "failed", code: "FINE", message: "m", hint: "h" }),
      JSON.stringify({ type: "stored", warnings: "none" }),
      JSON.stringify({ type: "hello", state: "present", execPath: 5 }),
    ]
    for (const line of lines) expect(parseBootLine(line), line).to.equal(undefined)
  })
})
