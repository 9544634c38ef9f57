import { belowHome, DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"

describe("belowHome", () => {
  it("gives what follows ~, and nothing for other paths", () => {
    const paths = ["~", "~/", "~/a/~b", "", "a", "/a/~", "./~name"]
    expect(paths.map(belowHome)).to.deep.equal(["", "/", "/a/~b", undefined, undefined, undefined, undefined])
  })

  it("refuses ~name", () => {
    for (const path of ["~name", "~name/a", "~ /a"]) {
      expect(() => belowHome(path)).to.throw(DatamaestroError, `Cannot use "${path}" as a path`)
    }
  })
})
