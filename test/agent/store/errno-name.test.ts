import { expect } from "chai"
import { constants } from "node:os"
import { errnoName } from "../../../packages/agent/src/store/errno-name.ts"

describe("the name of a system error", () => {
  it("is its code, also where only its number is known", () => {
    expect(errnoName({ code: "ENOSPC", errno: -constants.errno.ENOSPC })).to.equal("ENOSPC")
    const { EDQUOT } = constants.errno
    expect(errnoName({ code: `Unknown system error -${EDQUOT}`, errno: -EDQUOT })).to.equal("EDQUOT")
    expect(errnoName({ code: "Unknown system error -99999", errno: -99999 })).to.equal("Unknown system error -99999")
    expect(errnoName({ code: "Unknown system error -1" })).to.equal("Unknown system error -1")
    // A code of its own counts, whatever number is beside it.
    expect(errnoName({ code: "ERR_FS_FILE_TOO_LARGE", errno: -EDQUOT })).to.equal("ERR_FS_FILE_TOO_LARGE")
    expect(errnoName({ code: "ERR_FS_EISDIR" })).to.equal("EISDIR")
  })

  it("is none of what an abort ends with", () => {
    expect(errnoName(new DOMException("aborted", "AbortError"))).to.equal(undefined)
  })
})
