import { expect } from "chai"
import type { SlurmLook } from "../../../packages/agent/src/slurm/look.ts"
import { SharedLooks } from "../../../packages/agent/src/slurm/shared-looks.ts"

describe("looks at Slurm that are shared", () => {
  const alive: SlurmLook = { kind: "alive", state: "PENDING", reason: "Priority", node: undefined, left: undefined }
  const ended: SlurmLook = { kind: "ended", state: "TIMEOUT", why: "its time limit was reached", node: undefined }
  const asked: (readonly string[])[] = []
  const looksOf = (answers: Record<string, SlurmLook>): SharedLooks => {
    asked.length = 0
    return new SharedLooks((ids) => {
      asked.push(ids)
      return Promise.resolve(new Map(ids.flatMap((id) => (answers[id] === undefined ? [] : [[id, answers[id]]]))))
    })
  }

  it("are one question for all who ask in one moment, and for those who accept its age", async () => {
    const looks = looksOf({ "1": alive, "2": ended })
    const found = await Promise.all([looks.look("1", 0), looks.look("2", 0), looks.look("1", 0)])
    expect(found).to.deep.equal([alive, ended, alive])
    expect(await looks.look("1", 60_000)).to.equal(alive)
    expect(asked).to.deep.equal([["1", "2"]])
  })

  it("ask again along with others, save for what has ended", async () => {
    const looks = looksOf({ "1": alive, "2": ended, "3": alive })
    await Promise.all([looks.look("1", 0), looks.look("2", 0)])
    await looks.look("3", 0)
    expect(asked[1]).to.deep.equal(["1", "3"])
    expect(await looks.look("1", 60_000)).to.equal(alive)
    expect(asked).to.have.length(2)
    expect(await looks.look("9", 0)).to.deep.equal({ kind: "forgotten" })
  })

  it("are forgotten, and asked for no more along with others, half a minute after anybody wanted them", async () => {
    const looks = looksOf({ "1": alive, "2": alive })
    const { now } = performance
    let passed = 0
    performance.now = () => now.call(performance) + passed
    try {
      await looks.look("1", 0)
      passed = 31_000
      await looks.look("2", 0)
      await looks.look("1", 60_000)
    } finally {
      performance.now = now
    }
    expect(asked).to.deep.equal([["1"], ["2"], ["2", "1"]])
  })

  it("fail for those who asked, and ask again for the next", async () => {
    let fail = true
    const looks = new SharedLooks((ids) =>
      fail ? Promise.reject(new Error("no")) : Promise.resolve(new Map(ids.map((id) => [id, alive]))),
    )
    const failed = await Promise.allSettled([looks.look("1", 0), looks.look("2", 0)])
    expect(failed.map(({ status }) => status)).to.deep.equal(["rejected", "rejected"])
    fail = false
    expect(await looks.look("1", 0)).to.equal(alive)
  })
})
