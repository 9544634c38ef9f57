import { expect } from "chai"
import { StoragePace } from "../../../packages/agent/src/store/storage-pace.ts"

const CREATIONS = 15

describe("the pace of the storage", () => {
  const judged = (create: () => void): boolean => {
    const pace = new StoragePace()
    for (let count = 0; count < CREATIONS; count++) pace.timed(create)
    return pace.slow
  }

  it("is slow where creating a file waits", () => {
    const nothing = new Int32Array(new SharedArrayBuffer(4))
    expect(judged(() => void Atomics.wait(nothing, 0, 0, 2))).to.equal(true)
  })

  it("is not slow where creating a file keeps the processor busy", function () {
    // Only Linux tells the time of a single thread.
    if (process.platform !== "linux") this.skip()
    const busy = (): void => {
      const start = performance.now()
      while (performance.now() - start < 2);
    }
    expect(judged(busy)).to.equal(false)
  })

  it("is what was known beforehand", () => {
    expect(new StoragePace(true).slow).to.equal(true)
  })
})
