import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { expect } from "chai"
import type { Member } from "../../../packages/agent/src/extract/member.ts"
import { TreeWriter } from "../../../packages/agent/src/extract/tree-writer.ts"
import { WriteBack } from "../../../packages/agent/src/extract/write-back.ts"
import { StoragePace } from "../../../packages/agent/src/store/storage-pace.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"

const MiB = 1024 * 1024

describe("putting an archive's small files onto the disk while others come", function () {
  if (process.platform === "win32") return
  const { PATH } = process.env
  let folder: ReturnType<typeof temporaryFolder>
  const at = (name: string): string => join(folder.path, name)

  /** Stands for the system's `sync`, and writes down how it was called. */
  const sync = (script: string): void => {
    writeFileSync(at("bin/sync"), `#!/bin/sh\necho "$$ $*" >> '${at("calls")}'\n${script}\n`)
    chmodSync(at("bin/sync"), 0o755)
  }
  const calls = (): string[] => (existsSync(at("calls")) ? readFileSync(at("calls"), "utf8").trim().split("\n") : [])
  const called = async (times: number): Promise<void> => {
    while (calls().length < times) await sleep(10)
  }

  beforeEach(() => {
    folder = temporaryFolder()
    mkdirSync(at("bin"))
    process.env["PATH"] = `${at("bin")}:${PATH}`
  })
  afterEach(() => {
    process.env["PATH"] = PATH
    folder.remove()
  })

  it("is done each 128 MiB, and not again while it lasts", async () => {
    sync(`while ! [ -e '${at("go")}' ]; do sleep 0.02; done`)
    const writing = new WriteBack(at("tree"))
    writing.add(127 * MiB)
    await sleep(100)
    expect(calls()).to.deep.equal([])
    writing.add(MiB)
    await called(1)
    expect(calls()[0]).to.match(new RegExp(`^\\d+ -f ${at("tree")}$`))
    writing.add(200 * MiB)
    await sleep(100)
    expect(calls()).to.have.length(1)
    writeFileSync(at("go"), "")
    // What came meanwhile counts.
    const again = setInterval(() => writing.add(1), 10)
    await called(2)
    clearInterval(again)
  })

  it("is given up where the system's sync can't do it", async () => {
    sync("exit 1")
    const writing = new WriteBack(at("tree"))
    writing.add(128 * MiB)
    await called(1)
    await sleep(100)
    writing.add(128 * MiB)
    await sleep(200)
    expect(calls()).to.have.length(1)
  })

  it("leaves no process behind", async () => {
    sync("exec sleep 300")
    const writing = new WriteBack(at("tree"))
    writing.add(128 * MiB)
    await called(1)
    const pid = Number(calls()[0]?.split(" ")[0])
    writing.close()
    while (isAlive(pid)) await sleep(10)
  })

  const member = (name: string, size: number): Member => {
    return { name, segments: [name], type: "file", size, mode: 0o644, mtime: undefined }
  }
  const write = async (size: number, slow: boolean): Promise<void> => {
    const writer = new TreeWriter(at("tree"), "thing.tar", new StoragePace(slow))
    for (let index = 0; index < 6; index++) writer.file([`f${index}`], member(`f${index}`, size)).end()
    await writer.settle()
    await sleep(200)
    await writer.close()
  }

  it("is done by who writes the files", async () => {
    sync("exit 0")
    await write(31 * MiB, false)
    expect(calls()).to.have.length(1)
  })

  it("is not done of large files, which are synced by themselves", async () => {
    sync("exit 0")
    await write(32 * MiB, false)
    expect(calls()).to.deep.equal([])
  })

  it("is not done where storage is slow, which has each file when it is closed", async () => {
    sync("exit 0")
    await write(31 * MiB, true)
    expect(calls()).to.deep.equal([])
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
