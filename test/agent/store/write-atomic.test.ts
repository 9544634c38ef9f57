import { expect } from "chai"
import { readdirSync, readFileSync } from "node:fs"
import { writeFile, type FileHandle } from "node:fs/promises"
import { join } from "node:path"
import { writeAtomic } from "../../../packages/agent/src/store/write-atomic.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"
import { fileHandles } from "../../helpers/file-handles.ts"

describe("writing a whole file or nothing", () => {
  let folder: ReturnType<typeof temporaryFolder>
  let path: string
  let handles: Pick<FileHandle, "sync">
  let sync: FileHandle["sync"]
  beforeEach(async () => {
    folder = temporaryFolder()
    path = join(folder.path, "file")
    await writeFile(path, "old")
    handles = await fileHandles()
    // eslint-disable-next-line typescript/unbound-method -- it is put back as it was
    sync = handles.sync
  })
  afterEach(() => {
    handles.sync = sync
    folder.remove()
  })

  it("forces it onto the disk before it gets its name, and then the name", async () => {
    const content: string[] = []
    handles.sync = async function (this: FileHandle) {
      content.push(readFileSync(path, "utf8"))
      await sync.call(this)
    }
    await writeAtomic(path, "new")
    expect(content).to.deep.equal(["old", "new"])
    await writeAtomic(path, "newer", { sync: false })
    expect(content).to.have.length(2)
    expect(readFileSync(path, "utf8")).to.equal("newer")
  })

  it("leaves what was there, and nothing beside it, where the disk fails", async () => {
    handles.sync = () => Promise.reject(new Error("EIO: i/o error, fsync"))
    const error: unknown = await writeAtomic(path, "new").catch((reason: unknown) => reason)
    expect(error).to.have.property("message").that.includes("EIO")
    expect(readFileSync(path, "utf8")).to.equal("old")
    expect(readdirSync(folder.path)).to.deep.equal(["file"])
  })
})
