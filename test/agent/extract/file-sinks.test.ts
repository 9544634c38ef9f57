import { existsSync, openSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { expect } from "chai"
import { OpenFile } from "../../../packages/agent/src/extract/file-sinks.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

/** Which takes everything, and none of it can be put onto a disk (EINVAL). */
const DEVICE = "/dev/null"

describe("a file that is put onto the disk while it is written", () => {
  before(function () {
    if (process.platform !== "linux") this.skip()
  })

  const MUCH = Buffer.alloc(33 * 1024 * 1024)
  const opened = () => {
    const seen = { recorded: 0, later: [] as Promise<void>[] }
    const sink = new OpenFile(
      openSync(DEVICE, "w"),
      DEVICE,
      undefined,
      () => void seen.recorded++,
      (work) => void seen.later.push(work),
    )
    return { seen, sink }
  }

  it("does not end well when that failed after its last byte was written", async () => {
    const { seen, sink } = opened()
    sink.write(MUCH)
    const hasFailed = (): boolean => {
      try {
        sink.write(Buffer.alloc(0))
        return false
      } catch {
        return true
      }
    }
    while (!hasFailed()) await sleep(5)
    expect(() => sink.end()).to.throw("EINVAL")
    expect(seen).to.deep.equal({ recorded: 0, later: [] })
  })

  it("leaves nothing behind that is discarded", async () => {
    const folder = await temporaryFolder()
    const path = join(folder.path, "unfinished")
    const sink = new OpenFile(
      openSync(path, "w"),
      path,
      undefined,
      () => {},
      () => {},
    )
    sink.write(Buffer.from("half"))
    sink.discard()
    expect(existsSync(path)).to.equal(false)
    await folder.remove()
  })

  it("tells of a failure that comes after its end, also where nobody listens any more", async () => {
    const unheard: unknown[] = []
    const listener = (error: unknown): void => void unheard.push(error)
    process.on("unhandledRejection", listener)
    try {
      const { seen, sink } = opened()
      sink.write(MUCH)
      sink.end()
      await sleep(100)
      expect(seen.later).to.have.length(1)
      const told = await seen.later[0]?.catch((error: NodeJS.ErrnoException) => error.code)
      expect(told).to.equal("EINVAL")
      expect(unheard).to.deep.equal([])
    } finally {
      process.off("unhandledRejection", listener)
    }
  })
})
