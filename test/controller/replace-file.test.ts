import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { lstatSync, readdirSync } from "node:fs"
import { open } from "node:fs/promises"
import { join } from "node:path"
import { replaceFile } from "../../packages/controller/src/replace-file.ts"
import { temporaryFolder } from "../helpers/ssh-client-files.ts"

describe("replaceFile", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  beforeEach(async () => (folder = await temporaryFolder("datamaestro-replace-")))
  afterEach(() => folder.remove())

  it("writes into a pipe or device, and puts no file in its place", async function () {
    if (process.platform === "win32") this.skip()
    const path = join(folder.path, "pipe")
    execFileSync("mkfifo", [path])
    const reader = await open(path, "r+")
    try {
      await replaceFile(path, "text")
      expect(lstatSync(path).isFIFO()).to.equal(true)
      const { buffer, bytesRead } = await reader.read(Buffer.alloc(10))
      expect(buffer.toString("utf8", 0, bytesRead)).to.equal("text")
    } finally {
      await reader.close()
    }
    expect(readdirSync(folder.path)).to.deep.equal(["pipe"])
  })
})
