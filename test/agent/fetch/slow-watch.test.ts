import { expect } from "chai"
import { mock } from "node:test"
import { SlowWatch } from "../../../packages/agent/src/fetch/slow-watch.ts"
import { FETCH_TUNING } from "../../../packages/agent/src/fetch/fetch-types.ts"
import type { CachePart } from "../../../packages/agent/src/store/cache-part.ts"

const { slowSeconds, slowBytesPerSecond } = FETCH_TUNING
const LENGTH = 1e12

describe("the watch on slow sources", () => {
  let part: { written: number; state: { length?: number } }
  let watch: SlowWatch
  beforeEach(() => {
    mock.timers.enable({ apis: ["setInterval"] })
    part = { written: 5e9, state: { length: LENGTH } }
    watch = new SlowWatch(() => part as unknown as CachePart, FETCH_TUNING)
  })
  afterEach(() => {
    watch.stop()
    mock.timers.reset()
  })

  /** Time passes in which the source brings so many bytes a second. */
  const pass = (seconds: number, rate: number): void => {
    for (let passed = 0; passed < seconds; passed++) {
      part.written += rate
      mock.timers.tick(1000)
    }
  }

  it("finds one slow only after a time, and none that is fast enough", () => {
    pass(2 * slowSeconds, 3 * slowBytesPerSecond)
    pass(slowSeconds / 2, slowBytesPerSecond / 2)
    expect(watch.signal.aborted).to.equal(false)
    pass(slowSeconds, slowBytesPerSecond / 2)
    expect(watch.signal.aborted).to.equal(true)
  })

  it("waits for the rest where that comes within as long", () => {
    part.state.length = part.written + slowBytesPerSecond * slowSeconds
    pass(1.5 * slowSeconds, slowBytesPerSecond * 0.6)
    expect(watch.signal.aborted).to.equal(false)
  })

  it("does not take a fast source for slow that begins anew after much was there", () => {
    pass(slowSeconds, 0)
    part.written = 0
    pass(3 * slowSeconds, 10 * slowBytesPerSecond)
    expect(watch.signal.aborted).to.equal(false)
  })

  it("notices that one which began anew brings nothing any more", () => {
    pass(slowSeconds, 0)
    part.written = 100
    pass(2 * slowSeconds, 0)
    expect(watch.signal.aborted).to.equal(true)
  })
})
