import { appendFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "chai"
import { FollowedFile, StaleBytes } from "../../../packages/agent/src/follow/followed-file.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"

describe("a followed download", () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => (folder = temporaryFolder()))
  afterEach(() => folder.remove())

  const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))
  const collect = async (file: FollowedFile): Promise<string> => {
    let text = ""
    for await (const chunk of file.chunks()) text += chunk.toString()
    return text
  }

  it("is read while it grows, through its rename, to its end", async () => {
    const [part, entry] = [join(folder.path, "part"), join(folder.path, "entry")]
    writeFileSync(part, "one ")
    const file = new FollowedFile()
    const reading = collect(file)
    file.tell({ path: part, bytes: 4, generation: 0 })
    await turn()
    appendFileSync(part, "two ")
    file.tell({ path: part, bytes: 8, generation: 0 })
    renameSync(part, entry)
    await turn()
    appendFileSync(entry, "three")
    file.end([{ path: entry, bytes: 13 }])
    expect(await reading).to.equal("one two three")
  })

  it("reads into memory that was given back, and only then", async () => {
    const MiB = 1024 * 1024
    const path = join(folder.path, "large")
    writeFileSync(path, Buffer.concat([Buffer.alloc(MiB, 1), Buffer.alloc(MiB, 2), Buffer.alloc(10, 3)]))
    const file = new FollowedFile()
    file.end([{ path, bytes: 2 * MiB + 10 }])
    const chunks = file.chunks()
    const first = (await chunks.next()).value as Buffer
    const second = (await chunks.next()).value as Buffer
    expect([first.at(-1), second.at(-1)]).to.deep.equal([1, 2])
    file.recycle(first)
    const third = (await chunks.next()).value as Buffer
    expect(third).to.deep.equal(Buffer.alloc(10, 3))
    expect(third.buffer).to.equal(first.buffer)
    expect((await chunks.next()).done).to.equal(true)
  })

  it("is opened by its new name when it was renamed in between, whatever the moment of the news", async () => {
    for (let round = 0; round < 50; round++) {
      const [part, entry] = [join(folder.path, `part${round}`), join(folder.path, `entry${round}`)]
      writeFileSync(entry, "content")
      const file = new FollowedFile()
      const reading = collect(file)
      file.tell({ path: part, bytes: 7, generation: 0 })
      for (let turns = 0; turns < round % 10; turns++) await new Promise((resolve) => setImmediate(resolve))
      file.end([{ path: entry, bytes: 7 }])
      expect(await reading).to.equal("content")
    }
  })

  it("tells that what was read is void, and is read again", async () => {
    const path = join(folder.path, "part")
    writeFileSync(path, "old")
    const file = new FollowedFile()
    const first = collect(file).catch((error: unknown) => error)
    file.tell({ path, bytes: 3, generation: 0 })
    await turn()
    rmSync(path)
    writeFileSync(path, "brand new")
    file.tell({ path, bytes: 9, generation: 1 })
    expect(await first).to.be.instanceOf(StaleBytes)
    file.end([{ path, bytes: 9 }])
    expect(await collect(file)).to.equal("brand new")
  })

  it("ends with the failure of the download", async () => {
    const file = new FollowedFile()
    const [reading, whole] = [collect(file), file.whole()].map((work) => work.catch((error: unknown) => error))
    file.fail(new Error("gone"))
    expect(await reading).to.have.property("message", "gone")
    expect(await whole).to.have.property("message", "gone")
  })
})
