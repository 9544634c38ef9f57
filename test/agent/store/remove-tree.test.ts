import { execFileSync, spawnSync } from "node:child_process"
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "chai"
import { removeTree } from "../../../packages/agent/src/store/remove-tree.ts"
import { temporaryFolder, tree } from "../../fixtures/extraction.ts"

describe("removing a folder with all that is in it", () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => {
    folder = temporaryFolder()
    for (const path of ["kept/deep", "gone/deep/deeper", "gone/empty"])
      mkdirSync(join(folder.path, path), { recursive: true })
    for (const path of ["kept/a", "kept/deep/b", "gone/a", "gone/deep/deeper/b"])
      writeFileSync(join(folder.path, path), "x")
  })
  afterEach(() => folder.remove())

  it("follows no link, and takes what is no folder or not there", async () => {
    symlinkSync("../kept", join(folder.path, "gone/link"))
    symlinkSync("nowhere", join(folder.path, "gone/deep/dangling"))
    symlinkSync("kept", join(folder.path, "link"))
    writeFileSync(join(folder.path, "file"), "x")
    for (const name of ["gone", "link", "file", "absent"]) await removeTree(join(folder.path, name))
    expect(tree(folder.path)).to.deep.equal({ kept: "/", "kept/a": "x", "kept/deep": "/", "kept/deep/b": "x" })
  })

  it("takes names that are not UTF-8, too, as old archives have them", async function () {
    if (process.platform !== "linux") this.skip()
    const raw = (path: string): Buffer => Buffer.concat([Buffer.from(join(folder.path, path)), Buffer.from([0xe9])])
    mkdirSync(raw("gone/deep/caf"))
    for (const name of ["one", "two"]) writeFileSync(raw(`gone/${name}`), "x")
    await removeTree(join(folder.path, "gone"))
    expect(readdirSync(folder.path)).to.deep.equal(["kept"])
  })

  it("begins with some files at once only, however many there are", async () => {
    for (let index = 0; index < 2000; index++) writeFileSync(join(folder.path, "gone", `${index}`), "")
    let most = 0
    const removing = removeTree(join(folder.path, "gone"))
    while (existsSync(join(folder.path, "gone"))) {
      most = Math.max(most, process.getActiveResourcesInfo().filter((kind) => kind.startsWith("FSReq")).length)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await removing
    expect(most).to.be.within(1, 20)
    expect(readdirSync(folder.path)).to.deep.equal(["kept"])
  })

  it("ends with the error of what cannot be removed", async function () {
    const held = join(folder.path, "gone/deep")
    const isRoot = process.getuid?.() === 0
    // Nothing is forbidden to root, but a place where something is mounted stays.
    if (isRoot && spawnSync("mount", ["-t", "tmpfs", "datamaestro-test", held]).status !== 0) return this.skip()
    if (!isRoot) chmodSync(held, 0o555)
    const error = await removeTree(join(folder.path, "gone")).catch((reason: NodeJS.ErrnoException) => reason.code)
    if (isRoot) execFileSync("umount", [held])
    else chmodSync(held, 0o755)
    expect(error).to.equal(isRoot ? "EBUSY" : "EACCES")
  })
})
