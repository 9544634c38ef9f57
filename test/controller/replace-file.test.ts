import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { chmodSync, lstatSync, readdirSync, readFileSync, statSync } from "node:fs"
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
      await replaceFile(path, "text", 0o600)
      expect(lstatSync(path).isFIFO()).to.equal(true)
      const { buffer, bytesRead } = await reader.read(Buffer.alloc(10))
      expect(buffer.toString("utf8", 0, bytesRead)).to.equal("text")
    } finally {
      await reader.close()
    }
    expect(readdirSync(folder.path)).to.deep.equal(["pipe"])
  })

  it("gives a new file the mode that is asked for, and leaves that of one that is there", async function () {
    if (process.platform === "win32") this.skip()
    const path = join(folder.path, "file")
    const umask = process.umask(0o022)
    try {
      await replaceFile(path, "text", 0o666)
      expect(modeOf(path)).to.equal("644")
      chmodSync(path, 0o660)
      await replaceFile(path, "other", 0o600)
    } finally {
      process.umask(umask)
    }
    expect(modeOf(path)).to.equal("660")
    expect(readFileSync(path, "utf8")).to.equal("other")
  })
})

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8)
}
