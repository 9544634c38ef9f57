import { expect } from "chai"
import { LatestWrite } from "../../../packages/agent/src/store/latest-write.ts"

describe("writing the latest state", () => {
  it("writes once for all who ask while a write is under way, durably if one of them wants that", async () => {
    const writes: boolean[] = []
    const file = new LatestWrite(async (sync) => {
      writes.push(sync)
      await new Promise((resolve) => setImmediate(resolve))
    })
    const first = file.request(false)
    while (writes.length === 0) await Promise.resolve()
    await Promise.all([first, file.request(false), file.request(true), file.request(false)])
    expect(writes).to.deep.equal([false, true])
    await file.request(false)
    expect(writes).to.deep.equal([false, true, false])
  })

  it("tells a failure to those whose write it was, and writes again for the next", async () => {
    let fail = true
    const file = new LatestWrite(() => (fail ? Promise.reject(new Error("full")) : Promise.resolve()))
    const results = await Promise.allSettled([file.request(true), file.request(true)])
    expect(results.map(({ status }) => status)).to.deep.equal(["rejected", "rejected"])
    fail = false
    await file.request(true)
  })

  const slowly = (free: number): { file: LatestWrite; count: () => number } => {
    let writes = 0
    const file = new LatestWrite(async () => {
      writes++
      await new Promise((resolve) => setTimeout(resolve, 100))
    }, free)
    return { file, count: () => writes }
  }

  it("pauses after a write in proportion to it, so that those who ask one after the other share the next, too", async () => {
    const { file, count } = slowly(150)
    await file.request(true)
    await file.request(true)
    const asked: Promise<void>[] = []
    for (let index = 0; index < 5; index++) {
      asked.push(file.request(true))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(asked)
    expect(count()).to.equal(3)
  })

  it("does not pause as long as it has taken little time", async () => {
    const { file, count } = slowly(60_000)
    await file.request(true)
    for (let index = 0; index < 2; index++) await file.request(true)
    const first = file.request(true)
    await new Promise((resolve) => setTimeout(resolve, 20))
    const second = file.request(true)
    await Promise.all([first, second])
    expect(count()).to.equal(5)
  })
})
