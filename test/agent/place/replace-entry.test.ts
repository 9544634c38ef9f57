import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, linkSync, readFileSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { expect } from "chai"
import { findNestedDataset, holdsFiles } from "../../../packages/agent/src/place/nested-dataset.ts"
import { lstatOrNothing, replaceEntry } from "../../../packages/agent/src/place/replace-entry.ts"
import { syncTree } from "../../../packages/agent/src/place/sync-tree.ts"
import { failure, temporaryFolder, tree } from "../../fixtures/extraction.ts"
import { writeFiles } from "../../fixtures/preparation.ts"

async function inOverlay(disk: string, work: (merged: string) => Promise<void>): Promise<void> {
  writeFiles(disk, {
    "lower/old/f": "old",
    "lower/old/deep/g": "old",
    "upper/.keep": "",
    "work/.keep": "",
    "merged/.keep": "",
  })
  for (const layer of ["upper", "work", "merged"]) rmSync(join(disk, layer, ".keep"))
  const layers = ["lowerdir", "upperdir", "workdir"].map((name) => `${name}=${join(disk, name.slice(0, -3))}`).join(",")
  const merged = join(disk, "merged")
  execFileSync("mount", ["-t", "overlay", "-o", layers, "datamaestro-test", merged])
  try {
    await work(merged)
  } finally {
    execFileSync("umount", [merged])
  }
}

describe("replaceEntry", () => {
  let home: ReturnType<typeof temporaryFolder>
  beforeEach(() => (home = temporaryFolder()))
  afterEach(() => home.remove())
  const at = (path: string): string => join(home.path, path)

  it("moves to a free place, making its folders, and replaces a file by a file without setting it aside", async () => {
    writeFiles(home.path, { a: "new" })
    await replaceEntry(at("a"), at("x/y/a"), at("aside"))
    writeFiles(home.path, { a: "newer" })
    await replaceEntry(at("a"), at("x/y/a"), at("aside"))
    expect(readFileSync(at("x/y/a"), "utf8")).to.equal("newer")
    expect(existsSync(at("aside"))).to.equal(false)
  })

  it("replaces folders by folders and files by folders, the old one set aside whole", async () => {
    writeFiles(home.path, { "new/f": "new", "old/f": "old", "old/g": "old", "new2/f": "new", file: "old" })
    await replaceEntry(at("new"), at("old"), at("aside"))
    await replaceEntry(at("new2"), at("file"), at("aside"))
    expect(tree(at("old"))).to.deep.equal({ f: "new" })
    expect(tree(at("file"))).to.deep.equal({ f: "new" })
    expect(readdirSync(at("aside"))).to.have.length(2)
  })

  it("replaces a folder of a container's image, which overlayfs does not rename", function () {
    // Its upper layer can't lie on another overlayfs.
    writeFiles(home.path, { "disk/x": "" })
    const disk = at("disk")
    if (spawnSync("mount", ["-t", "tmpfs", "datamaestro-test", disk]).status !== 0) return this.skip()
    return inOverlay(disk, async (merged) => {
      writeFiles(merged, { "new/f": "new" })
      await replaceEntry(join(merged, "new"), join(merged, "old"), join(merged, "aside"))
      expect(tree(join(merged, "old"))).to.deep.equal({ f: "new" })
    }).finally(() => execFileSync("umount", [disk]))
  })

  it("never touches a folder with another dataset in it, however deep", async () => {
    writeFiles(home.path, { "new/f": "new", "old/deep/er/.state.json": "{}", "old/deep/er/f": "kept" })
    const error = await failure(replaceEntry(at("new"), at("old"), at("aside")))
    expect(error.code).to.equal("STORAGE_FAILED")
    expect(error.details["nested"]).to.equal(at("old/deep/er"))
    expect(tree(home.path)).to.include({ "new/f": "new", "old/deep/er/f": "kept" })
  })

  it("finds nested datasets and tells empty folders from content", async () => {
    writeFiles(home.path, { "a/b/c/f": "x", "d/.downloads/f": "x" })
    expect(await findNestedDataset(at("a"))).to.equal(undefined)
    expect(await findNestedDataset(at("d"))).to.equal(at("d"))
    expect(await findNestedDataset(at("none"))).to.equal(undefined)
    expect(await holdsFiles(at("a"))).to.equal(true)
    writeFiles(home.path, { "e/x/f": "x" })
    const { rmSync } = await import("node:fs")
    rmSync(at("e/x/f"))
    expect(await holdsFiles(at("e"))).to.equal(false)
  })

  it("takes a file that is its final place already, as a hard link is", async () => {
    writeFiles(home.path, { a: "same" })
    linkSync(at("a"), at("b"))
    await replaceEntry(at("a"), at("b"), at("aside"))
    expect(readFileSync(at("b"), "utf8")).to.equal("same")
  })

  it("takes only what is surely not there for nothing", async () => {
    writeFiles(home.path, { file: "x" })
    expect(await lstatOrNothing(at("none"))).to.equal(undefined)
    expect(await lstatOrNothing(at("file/below"))).to.equal(undefined)
    expect((await lstatOrNothing(at("file")))?.isFile()).to.equal(true)
    const unclear = await lstatOrNothing(at("x".repeat(300))).catch((error: NodeJS.ErrnoException) => error.code)
    expect(unclear).to.equal("ENAMETOOLONG")
  })

  it("syncs trees of few and of many files", async () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`d/${index}`, "x"]))
    writeFiles(at("many"), many)
    await syncTree(at("many"), Object.keys(many))
    await syncTree(at("many"), ["d/1"])
    expect(await syncTree(at("many"), ["d/none"]).catch((error: NodeJS.ErrnoException) => error.code)).to.equal(
      "ENOENT",
    )
  })
})
