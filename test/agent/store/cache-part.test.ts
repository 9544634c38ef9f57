import { expect } from "chai"
import { readdir } from "node:fs/promises"
import { appendFileSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import type { FileHandle } from "node:fs/promises"
import { join } from "node:path"
import { mock } from "node:test"
import { CachePart, PartLost } from "../../../packages/agent/src/store/cache-part.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"
import { fileHandles } from "../../helpers/file-handles.ts"

describe("a part that can't be put onto the disk", () => {
  let folder: ReturnType<typeof temporaryFolder>
  let file: Pick<FileHandle, "datasync" | "sync">
  let datasync: FileHandle["datasync"]
  let sync: FileHandle["sync"]
  const key = "a".repeat(64)
  const url = "http://example.org/a"
  beforeEach(async () => {
    folder = temporaryFolder()
    file = await fileHandles()
    // eslint-disable-next-line typescript/unbound-method -- they are put back as they were
    ;({ datasync, sync } = file)
  })
  afterEach(() => {
    Object.assign(file, { datasync, sync })
    folder.remove()
  })
  /** As the kernel tells it: once, and what was lost stays lost. */
  const failOnce = (): void => {
    file.datasync = async () => {
      file.datasync = datasync
      throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO", syscall: "fdatasync" })
    }
  }
  const codeOf = (work: Promise<unknown>): Promise<string | undefined> =>
    work.then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    )
  const text = (content: string): Buffer[] => [Buffer.from(content)]

  it("gets no final name, whatever the later calls say", async () => {
    const part = await CachePart.open(folder.path, key, url, await readdir(folder.path))
    await part.write(text("abc"))
    failOnce()
    await part.checkpoint().catch(() => {})
    const path = join(folder.path, `${key}.dl`)
    expect(await codeOf(part.commit(path))).to.equal("EIO")
    expect(existsSync(path)).to.equal(false)
  })

  it("gets no final name before it is there", async () => {
    const part = await CachePart.open(folder.path, key, url, await readdir(folder.path))
    await part.write(text("abc"))
    const path = join(folder.path, `${key}.dl`)
    const named: boolean[] = []
    file.sync = async () => {
      named.push(existsSync(path))
      throw Object.assign(new Error("EIO: i/o error, fsync"), { code: "EIO", syscall: "fsync" })
    }
    expect(await codeOf(part.commit(path))).to.equal("EIO")
    expect(named).to.deep.equal([false])
    expect(existsSync(path)).to.equal(false)
  })

  it("is continued without what somebody has appended since it was left", async () => {
    const part = await CachePart.open(folder.path, key, url, await readdir(folder.path))
    await part.write(text("abc"))
    await part.keep()
    appendFileSync(part.path, "zero")
    // By a process that has ended since.
    const record = `${part.path.slice(0, -".tmp".length)}.json.tmp`
    const { holder, ...rest } = JSON.parse(readFileSync(record, "utf8")) as { holder: string }
    const ended = JSON.stringify({ ...JSON.parse(holder), pid: 2 ** 30 })
    writeFileSync(record, JSON.stringify({ ...rest, holder: ended }))
    const next = await CachePart.open(folder.path, key, url, await readdir(folder.path))
    expect(next.bytes).to.equal(3)
    await next.discard()
  })

  it("takes nothing more, and is continued from what was put there before", async () => {
    const part = await CachePart.open(folder.path, key, url, await readdir(folder.path))
    await part.write(text("abc"))
    await part.checkpoint()
    await part.write(text("def"))
    failOnce()
    await part.checkpoint().catch(() => {})
    expect(await codeOf(part.write(text("ghi")))).to.equal("EIO")
    await part.keep()
    expect(statSync(part.path).size).to.equal(3)
    const next = await CachePart.open(folder.path, key, url, await readdir(folder.path))
    expect(next.bytes).to.equal(3)
    await next.discard()
  })
})

describe("a part of a process that others took for dead", () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => (folder = temporaryFolder()))
  afterEach(() => {
    mock.restoreAll()
    folder.remove()
  })

  for (const [noticed, notice] of [
    ["by its heartbeat", (part: CachePart) => part.checkpoint().catch(() => {})],
    // As after it was suspended.
    ["when it goes on", () => mock.method(performance, "now", () => 1e12)],
  ] as const) {
    it(`gets nothing more written into it, which that process notices ${noticed}`, async () => {
      const part = await CachePart.open(folder.path, "a".repeat(64), "http://example.org/a", [])
      await part.write([Buffer.from("abc")])
      const theirs = join(folder.path, "theirs")
      renameSync(part.path, theirs)
      await notice(part)
      const refused: unknown = await part.write([Buffer.from("def")]).catch((error: unknown) => error)
      expect(refused).to.be.instanceOf(PartLost)
      await part.discard()
      expect(readFileSync(theirs, "utf8")).to.equal("abc")
    })
  }
})
