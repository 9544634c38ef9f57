import { expect } from "chai"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { announce, announcedKeys } from "../../../packages/controller/src/hold/holder-address.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("the names of held connections", () => {
  it("are links of ours, not what else has such a name", async () => {
    const { path, remove } = await temporaryFolder()
    try {
      announce(path, "0123456789abcdef", join(path, "s.sock"))
      mkdirSync(join(path, "fedcba9876543210"))
      expect(announcedKeys(path)).to.deep.equal(["0123456789abcdef"])
    } finally {
      await remove()
    }
  })
})
