import { expect } from "chai"
import { sideBySide } from "../../../packages/agent/src/concurrency/side-by-side.ts"

describe("work side by side", () => {
  it("is done for each item, in their order, so many at once", async () => {
    const begun: number[] = []
    let under = 0
    let most = 0
    await sideBySide(3, [1, 2, 3, 4, 5, 6, 7], async (item) => {
      begun.push(item)
      most = Math.max(most, ++under)
      await new Promise((resolve) => setImmediate(resolve))
      under--
    })
    expect(begun).to.deep.equal([1, 2, 3, 4, 5, 6, 7])
    expect(most).to.equal(3)
  })

  it("begins no more once one failed, and tells that failure when those that have begun have ended", async () => {
    const begun: number[] = []
    let ended = 0
    const failure: unknown = await sideBySide(2, [1, 2, 3, 4], async (item) => {
      begun.push(item)
      if (item === 1) throw new Error("first")
      await new Promise((resolve) => setImmediate(resolve))
      ended++
      throw new Error("second")
    }).catch((error: unknown) => error)
    expect(failure).to.have.property("message", "first")
    expect(begun).to.deep.equal([1, 2])
    expect(ended).to.equal(1)
  })

  it("tells of a failure while those that have begun can still stop", async () => {
    const stop = new AbortController()
    const ends: unknown[] = []
    const work = async (item: number): Promise<void> => {
      if (item === 1) throw new Error("first")
      await new Promise((resolve) => stop.signal.addEventListener("abort", resolve, { once: true }))
      ends.push(stop.signal.reason)
    }
    const failure: unknown = await sideBySide(2, [1, 2], work, (error) => stop.abort(error)).catch(
      (error: unknown) => error,
    )
    expect(ends).to.deep.equal([failure])
  })
})
