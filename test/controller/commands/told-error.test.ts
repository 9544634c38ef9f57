import { expect } from "chai"
import { toldError } from "../../../packages/controller/src/commands/told-error.ts"

describe("what a command has failed with", () => {
  const thrown = (code: string): Error => Object.assign(new Error(`${code}: told, open '/x'`), { code })

  it("is no defect where this machine lets no more files be opened", () => {
    for (const code of ["EMFILE", "ENFILE"]) {
      const error = toldError(thrown(code))
      expect(error).to.include({ code: "STORAGE_FAILED", message: `${code}: told, open '/x'`, exitStatus: 6 })
      expect(error.hint).to.contain("`ulimit -n`")
    }
  })

  it("is a defect otherwise", () => {
    expect(toldError(thrown("EINVAL"))).to.include({ code: "UNEXPECTED", exitStatus: 1 })
  })
})
