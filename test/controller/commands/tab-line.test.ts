import { expect } from "chai"
import { tabLine } from "../../../packages/controller/src/commands/tab-line.ts"

describe("a line of a list", () => {
  it("has no character that ends a field or the line, moves the cursor, or turns the rest round", () => {
    expect(tabLine(["a\tb", "c\r\nd", "\u001b[2Je", "f\u2028g"])).to.equal("a b\tc d\t [2Je\tf g\n")
    expect(tabLine(["gpj.\u202eexe", "\u2067x\u2069"])).to.equal("gpj.\ufffdexe\t\ufffdx\ufffd\n")
  })

  it("keeps what a name may well have", () => {
    const names = ["démocratie", "נתונים\u200f", "a\u200db"]
    expect(tabLine(names)).to.equal(`${names.join("\t")}\n`)
  })
})
