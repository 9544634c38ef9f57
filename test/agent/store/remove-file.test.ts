import { existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "chai"
import { removeFile } from "../../../packages/agent/src/store/remove-file.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"

describe("removing a file", () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => (folder = temporaryFolder()))
  afterEach(() => folder.remove())

  it("takes it away, or a link for itself, and does not mind that there is none", async () => {
    const [file, link] = [join(folder.path, "file"), join(folder.path, "link")]
    writeFileSync(file, "x")
    symlinkSync(file, link)
    await removeFile(link)
    expect(existsSync(file)).to.equal(true)
    expect(lstatSync(link, { throwIfNoEntry: false })).to.equal(undefined)
    await removeFile(file)
    expect(existsSync(file)).to.equal(false)
    await removeFile(file)
  })

  it("tells what it can't take away", async () => {
    mkdirSync(join(folder.path, "d"))
    const failed = await removeFile(join(folder.path, "d")).catch((error: NodeJS.ErrnoException) => error.code)
    expect(failed).to.be.oneOf(["EISDIR", "EPERM"])
  })
})
