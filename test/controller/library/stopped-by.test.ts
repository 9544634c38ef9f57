import { expect } from "chai"
import { getEventListeners } from "node:events"
import { stoppedBy } from "../../../packages/controller/src/library/stopped-by.ts"

describe("what a signal stops", () => {
  const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length

  it("is any number of calls by one listener, which goes with the last of them", () => {
    const { signal } = new AbortController()
    const calls = Array.from({ length: 20 }, () => stoppedBy(signal))
    expect(listeners(signal)).to.equal(1)
    for (const { release } of calls) release()
    expect(listeners(signal)).to.equal(0)
    stoppedBy(signal)
    expect(listeners(signal)).to.equal(1)
  })

  it("is what has not been released, with the signal's reason", () => {
    const abort = new AbortController()
    const [released, kept] = [stoppedBy(abort.signal), stoppedBy(abort.signal)]
    released.release()
    abort.abort("enough")
    expect([released.stop.signal.aborted, kept.stop.signal.reason]).to.deep.equal([false, "enough"])
    expect(stoppedBy(abort.signal).stop.signal.reason).to.equal("enough")
  })
})
