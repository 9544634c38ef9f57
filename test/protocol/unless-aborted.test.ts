import { expect } from "chai"
import { getEventListeners } from "node:events"
import { unlessAborted } from "../../packages/protocol/src/unless-aborted.ts"

const never = new Promise<never>(() => {})

describe("unlessAborted", () => {
  it("gives what the work gives", async () => {
    expect(await unlessAborted(Promise.resolve(7), new AbortController().signal)).to.equal(7)
    expect(await unlessAborted(Promise.resolve(7), undefined)).to.equal(7)
  })

  it("rejects with what the work rejects with", async () => {
    const failed = Promise.reject(new Error("the work's own"))
    const error = await unlessAborted(failed, new AbortController().signal).catch((thrown: Error) => thrown)
    expect(error).to.have.property("message", "the work's own")
  })

  it("is interrupted at once when the signal aborts, whatever becomes of the work", async () => {
    const controller = new AbortController()
    const waiting = unlessAborted(never, controller.signal).catch((thrown: unknown) => thrown)
    controller.abort()
    expect(await waiting).to.have.property("code", "INTERRUPTED")
  })

  it("is interrupted by a signal that has aborted before, though the work be done, and takes its failure", async () => {
    const signal = AbortSignal.abort()
    for (const work of [never, Promise.resolve(7), Promise.reject(new Error("late"))]) {
      const error = await unlessAborted<number>(work, signal).catch((thrown: unknown) => thrown)
      expect(error).to.have.property("code", "INTERRUPTED")
    }
  })

  it("leaves no listener at a signal that outlives it", async () => {
    const { signal } = new AbortController()
    await unlessAborted(Promise.resolve(), signal)
    await unlessAborted(Promise.reject(new Error("failed")), signal).catch(() => {})
    expect(getEventListeners(signal, "abort")).to.have.length(0)
  })
})
