import { createHash } from "node:crypto"
import { once } from "node:events"
import { lstatSync, readFileSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import type { Worker } from "node:worker_threads"
import { expect } from "chai"
import type { Member } from "../../../packages/agent/src/extract/member.ts"
import { SecondWriter } from "../../../packages/agent/src/extract/second-writer.ts"
import { StoragePace } from "../../../packages/agent/src/store/storage-pace.ts"
import { TreeWriter } from "../../../packages/agent/src/extract/tree-writer.ts"
import { extractBytes, failure, temporaryFolder, tree } from "../../fixtures/extraction.ts"
import { tarArchive, tarGzArchive } from "../../fixtures/tar-archive.ts"
import { zipArchive } from "../../fixtures/zip-archive.ts"

/** Enough for the second thread to begin, and to be given most of the rest. */
const MANY = 600

describe("many small files, written by two threads", () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => (folder = temporaryFolder()))
  afterEach(() => folder.remove())

  const contentOf = (index: number): string => `content ${index} `.repeat(index % 400)
  const many = Array.from({ length: MANY }, (_, index) => ({
    name: `d${index % 7}/f${index}`,
    content: contentOf(index),
    mode: index % 2 === 0 ? 0o644 : 0o755,
    mtime: 1_100_000_000 + index,
  }))

  it("have content, modes, times and sums, from a tar", async () => {
    const { files } = await extractBytes(folder.path, "tar", tarGzArchive(many))
    expect(files).to.have.length(MANY)
    const sums = new Map(files.map(({ path, sha256 }) => [path, sha256]))
    for (const { name, content, mode, mtime } of many) {
      const path = join(folder.path, "out", name)
      expect(readFileSync(path, "utf8")).to.equal(content)
      expect((statSync(path).mode & 0o100) !== 0).to.equal((mode & 0o100) !== 0)
      expect(statSync(path).mtimeMs).to.equal(mtime * 1000)
      expect(sums.get(name)).to.equal(createHash("sha256").update(content).digest("hex"))
    }
  })

  it("have content, modes and sums, from a zip, deflated and stored", async () => {
    const members = many.map(({ name, content, mode }, index) => ({
      name,
      content,
      mode: 0o100000 | mode,
      stored: index % 5 === 0,
    }))
    const { files } = await extractBytes(folder.path, "zip", zipArchive(members))
    const sums = new Map(files.map(({ path, sha256 }) => [path, sha256]))
    for (const { name, content, mode } of many) {
      const path = join(folder.path, "out", name)
      expect(readFileSync(path, "utf8")).to.equal(content)
      expect((statSync(path).mode & 0o100) !== 0).to.equal((mode & 0o100) !== 0)
      expect(sums.get(name)).to.equal(createHash("sha256").update(content).digest("hex"))
    }
  })

  it("are what the last member of a name says, with links to what is still being written", async () => {
    const twice = many.map((member) => ({ ...member, content: `${member.content}again` }))
    const links = many.slice(-50).map(({ name }) => ({ name: `${name}.link`, type: "1", linkname: name }))
    const { files } = await extractBytes(folder.path, "tar", tarArchive([...many, ...twice, ...links]))
    expect(files).to.have.length(MANY + 50)
    const sums = new Map(files.map(({ path, sha256 }) => [path, sha256]))
    for (const { name, content } of twice) {
      expect(readFileSync(join(folder.path, "out", name), "utf8")).to.equal(content)
      expect(sums.get(name)).to.equal(createHash("sha256").update(content).digest("hex"))
    }
    for (const { name, linkname } of links) {
      const [link, file] = [name, linkname].map((path) => lstatSync(join(folder.path, "out", path)).ino)
      expect(link).to.equal(file)
      expect(sums.get(name)).to.equal(sums.get(linkname))
    }
  })

  it("are replaced at once by a member of the same name, before the first is there", async () => {
    const pairs = many.flatMap((member) => [member, { ...member, content: "second" }])
    const { files } = await extractBytes(folder.path, "tar", tarArchive(pairs))
    const second = createHash("sha256").update("second").digest("hex")
    expect(files.filter(({ sha256, bytes }) => sha256 === second && bytes === 6)).to.have.length(MANY)
    expect(new Set(Object.values(tree(join(folder.path, "out"))))).to.deep.equal(new Set(["/", "second"]))
  })

  const damages = [
    ["a sum that does not match", { crc: 7 }, "its CRC-32 does not match"],
    ["more than is declared", { size: 40 }, "it holds more than the declared 40 bytes"],
    ["less than is declared", { size: 400 }, "it holds 350 bytes, 400 are declared"],
    ["no deflated data", { stored: true, method: 8 }, "its data is damaged (invalid "],
  ] as const
  for (const [what, damage, message] of damages) {
    it(`end with the member that is damaged: ${what}`, async () => {
      const content = "text ".repeat(70)
      const members = many.map(({ name }) => ({ name, content }))
      const damaged = [
        ...members,
        { name: "bad", content, ...damage },
        ...members.map((one) => ({ ...one, name: `${one.name}b` })),
      ]
      const error = await failure(extractBytes(folder.path, "zip", zipArchive(damaged)))
      expect(error.code).to.equal("CORRUPT")
      expect(error.message).to.contain('Cannot extract "thing.zip" at member "bad": ')
      expect(error.message).to.contain(message)
      expect(tree(folder.path)).to.have.all.keys("archive")
    })
  }

  it("end with the first failure of the storage, and nothing is written after it", async () => {
    const root = join(folder.path, "tree")
    const writer = new TreeWriter(root, "thing.tar", new StoragePace(false))
    const write = (name: string): void => {
      const member: Member = {
        name,
        segments: name.split("/"),
        type: "file",
        size: 1,
        mode: 0o644,
        mtime: undefined,
      }
      const sink = writer.file(member.segments, member)
      sink.write(Buffer.from("x"))
      sink.end()
    }
    for (let index = 0; index < 100; index++) write(`a/${index}`)
    await writer.settle()
    rmSync(join(root, "a"), { recursive: true })
    write("a/lost")
    const outcome = await writer.settle().then(
      () => "it succeeded",
      (error: NodeJS.ErrnoException) => `${error.code} ${error.syscall}`,
    )
    expect(outcome).to.equal("ENOENT open")
    const room = await Promise.resolve(writer.room()).catch((error: NodeJS.ErrnoException) => error.code)
    expect(room).to.equal("ENOENT")
    await writer.close()
  })

  it("end with its failure where the second thread dies, and nobody waits for it", async () => {
    const writer = new SecondWriter({ given: () => 0, done: () => {}, failure: (error) => error })
    const thread = await new Promise<Worker>((resolve) => process.once("worker", resolve))
    await once(thread, "online")
    const sink = writer.file({ key: "a", path: folder.path, mode: 0o644, bytes: 1, mtime: undefined, name: "a" })
    sink?.end()
    void thread.terminate()
    const error = await writer.settle().catch((thrown: Error) => thrown)
    expect(error).to.have.property("message", "the writing thread ended with 1")
    expect(writer.file({ key: "b", path: "b", mode: 0o644, bytes: 1, mtime: undefined, name: "b" })).to.equal(undefined)
    await writer.close()
  })

  it("are refused where a name is taken in a way that only the file system sees", async () => {
    const root = join(folder.path, "tree")
    const writer = new TreeWriter(root, "thing.tar", new StoragePace(false))
    const { writeFileSync } = await import("node:fs")
    const member = (name: string): Member => ({
      name,
      segments: [name],
      type: "file",
      size: 0,
      mode: undefined,
      mtime: undefined,
    })
    for (let index = 0; index < 100; index++) writer.file([`f${index}`], member(`f${index}`)).end()
    writeFileSync(join(root, "taken"), "by another")
    writer.file(["taken"], member("taken")).end()
    const error = await failure(writer.settle())
    expect([error.code, error.details["member"]]).to.deep.equal(["UNSAFE_ARCHIVE", "taken"])
    expect(readFileSync(join(root, "taken"), "utf8")).to.equal("by another")
    await writer.close()
  })
})
