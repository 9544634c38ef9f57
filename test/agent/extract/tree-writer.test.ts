import { lstatSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { expect } from "chai"
import type { Member } from "../../../packages/agent/src/extract/member.ts"
import { StoragePace } from "../../../packages/agent/src/store/storage-pace.ts"
import { TreeWriter } from "../../../packages/agent/src/extract/tree-writer.ts"
import { failure, temporaryFolder, tree } from "../../fixtures/extraction.ts"

describe("writing a tree onto slow storage", () => {
  let folder: ReturnType<typeof temporaryFolder>
  let root: string
  let writer: TreeWriter
  beforeEach(() => {
    folder = temporaryFolder()
    root = join(folder.path, "tree")
    writer = new TreeWriter(root, "thing.tar", new StoragePace(true))
  })
  afterEach(() => folder.remove())

  const member = (name: string, content: string, mode = 0o644): Member => ({
    name,
    segments: name.split("/"),
    type: "file",
    size: content.length,
    mode,
    mtime: new Date(1_100_000_000_000),
  })
  const write = (name: string, content: string, mode?: number): void => {
    const sink = writer.file(name.split("/"), member(name, content, mode))
    for (const character of content.match(/[^]{1,65536}/g) ?? []) sink.write(Buffer.from(character))
    sink.end()
  }

  it("writes many side by side, with modes and times, and never too many", async () => {
    for (let index = 0; index < 500; index++) {
      write(`d${index % 7}/f${index}`, `content ${index}`, index % 2 === 0 ? 0o755 : 0o644)
      await writer.room()
    }
    await writer.settle()
    const files = writer.finish([])
    expect(files).to.have.length(500)
    for (let index = 0; index < 500; index++) {
      const path = join(root, `d${index % 7}/f${index}`)
      expect(readFileSync(path, "utf8")).to.equal(`content ${index}`)
      expect((statSync(path).mode & 0o100) !== 0).to.equal(index % 2 === 0)
      expect(statSync(path).mtimeMs).to.equal(1_100_000_000_000)
    }
  })

  it("lets the last of several members with one name win, small or large", async () => {
    const large = "x".repeat(2 * 1024 * 1024)
    write("a", "first")
    write("a", "second")
    write("b", "small")
    write("b", large)
    write("c", "small")
    writer.symlink(["c"], { ...member("c", ""), type: "symlink" }, "a")
    await writer.settle()
    writer.finish([])
    expect(tree(folder.path)).to.deep.equal({ tree: "/", "tree/a": "second", "tree/b": large, "tree/c": "-> a" })
  })

  it("links to what is still being written", async () => {
    write("a", "content")
    writer.hardlink(["b"], { ...member("b", ""), type: "hardlink" }, ["a"])
    write("c", "old")
    writer.hardlink(["c"], { ...member("c", ""), type: "hardlink" }, ["a"])
    await writer.settle()
    expect(tree(root)).to.deep.equal({ a: "content", b: "content", c: "content" })
    expect(lstatSync(join(root, "b")).ino).to.equal(lstatSync(join(root, "a")).ino)
  })

  it("tells the first failure, and writes nothing more", async () => {
    write("a/b", "content")
    await writer.settle()
    const { rmSync } = await import("node:fs")
    rmSync(join(root, "a"), { recursive: true })
    write("a/c", "lost")
    expect(await failure(writer.settle()).catch((error: unknown) => error)).to.be.an("error")
    const room = await Promise.resolve(writer.room()).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    )
    expect(room).to.equal("ENOENT")
  })
})
