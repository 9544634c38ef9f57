import { expect } from "chai"
import { sharedRun } from "../../../packages/agent/src/concurrency/shared-run.ts"

describe("a run that many ask for", () => {
  it("begins after each asked for it, one at a time, and once for those who ask together", async () => {
    const seen: string[] = []
    let end = (): void => {}
    const ask = sharedRun(async () => {
      seen.push("begun")
      await new Promise<void>((resolve) => (end = resolve))
      seen.push("ended")
    })
    const first = ask()
    while (seen.length === 0) await Promise.resolve()
    const later = [ask(), ask()]
    end()
    await first
    while (seen.length < 3) await Promise.resolve()
    end()
    await Promise.all(later)
    expect(seen).to.deep.equal(["begun", "ended", "begun", "ended"])
  })

  it("fails for those whose run it was, and not for those who come after", async () => {
    let fail = true
    const ask = sharedRun(() => (fail ? Promise.reject(new Error("no")) : Promise.resolve()))
    const results = await Promise.allSettled([ask(), ask()])
    expect(results.map(({ status }) => status)).to.deep.equal(["rejected", "rejected"])
    fail = false
    await ask()
  })
})
