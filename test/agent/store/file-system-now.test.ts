import { expect } from "chai"
import promises, { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileSystemNow } from "../../../packages/agent/src/store/file-system-now.ts"

const NFS = 0x6969
const EXT4 = 0xef53

describe("the file system's present time", () => {
  const { open, statfs } = promises
  let folder: string
  let opened: string[]

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "now-"))
    opened = []
  })
  afterEach(async () => {
    Object.assign(promises, { open, statfs })
    syncBuiltinESMExports()
    await rm(folder, { recursive: true })
  })

  /** Notes what is opened in a folder that is of that type. */
  const ofType = (type: number): void => {
    promises.statfs = (async (path: string) => ({ ...(await statfs(path)), type })) as unknown as typeof statfs
    promises.open = async (...given) => {
      opened.push(String(given[0]))
      return await open(...given)
    }
    syncBuiltinESMExports()
  }
  const difference = async (): Promise<number> => {
    const now = await fileSystemNow(join(folder, "x"))
    const path = join(folder, "written")
    await writeFile(path, "")
    return (await stat(path)).mtimeMs - now
  }

  it("is this machine's where no other one sees the file system: a killed process leaves no file that was to tell it", async () => {
    ofType(EXT4)
    expect(Math.abs(await difference())).to.be.below(60_000)
    expect(opened.filter((path) => path.endsWith(".clock"))).to.deep.equal([])
  })

  it("is told by a file elsewhere, which is removed", async () => {
    ofType(NFS)
    expect(Math.abs(await difference())).to.be.below(60_000)
    expect(opened.filter((path) => path.endsWith(".clock"))).to.have.length(1)
    expect(await readdir(folder)).to.deep.equal(["written"])
  })
})
