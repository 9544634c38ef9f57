import { setTimeout as sleep } from "node:timers/promises"
import { expect } from "chai"
import { SlowWatch } from "../../../packages/agent/src/fetch/slow-watch.ts"
import { FETCH_TUNING } from "../../../packages/agent/src/fetch/fetch-types.ts"
import type { CachePart } from "../../../packages/agent/src/store/cache-part.ts"

const tuning = { ...FETCH_TUNING, slowSeconds: 0.3, slowBytesPerSecond: 1000 }
const watched = (part: { written: number }): SlowWatch =>
  new SlowWatch(() => ({ ...part, state: { length: 1e12 } }) as unknown as CachePart, tuning)

describe("the watch on slow sources", () => {
  it("does not take a fast source for slow that begins anew after much was there", async () => {
    const part = { written: 5e9 }
    const watch = watched(part)
    await sleep(100)
    part.written = 0
    for (let tick = 0; tick < 60; tick++) {
      await sleep(10)
      part.written += 100_000
    }
    watch.stop()
    expect(watch.signal.aborted).to.equal(false)
  })

  it("notices that one which began anew brings nothing any more", async () => {
    const part = { written: 5e9 }
    const watch = watched(part)
    await sleep(100)
    part.written = 100
    await sleep(700)
    watch.stop()
    expect(watch.signal.aborted).to.equal(true)
  })
})
