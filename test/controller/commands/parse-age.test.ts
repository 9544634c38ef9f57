import { expect } from "chai"
import { parseAge } from "../../../packages/controller/src/commands/parse-age.ts"

describe("an age on the command line", () => {
  it("is a number with its unit, in seconds", () => {
    const ages = { "90s": 90, "90m": 5400, "12h": 43_200, "30d": 2_592_000, "2w": 1_209_600, " 1.5 D ": 129_600 }
    for (const [text, seconds] of Object.entries(ages)) expect(parseAge(text), text).to.equal(seconds)
  })

  it("is refused where it could mean anything", () => {
    for (const text of ["", "30", "-1d", "d", "30 days", "1y"]) expect(() => parseAge(text), text).to.throw("30d")
  })
})
