import { expect } from "chai"
import { setTimeout as sleep } from "node:timers/promises"
import { onSignals } from "../../../packages/controller/src/commands/on-signals.ts"

describe("the signal that ends a command", () => {
  it("cancels what was begun, and says so; where nothing was, there is nothing to say", () => {
    for (const begun of [true, false]) {
      const told: unknown[] = []
      const signals = onSignals({ begun, event: (event) => told.push(event), end: () => {} })
      try {
        expect(signals.status).to.equal(undefined)
        signals.raise("SIGINT")
        expect(signals.signal.aborted).to.equal(true)
        expect(signals.status).to.equal(130)
        expect(told).to.have.length(begun ? 1 : 0)
      } finally {
        signals.stop()
      }
    }
  })

  it("is waited for by each of many hosts, without a warning of a leak", async () => {
    const warned: string[] = []
    const listen = ({ name }: Error): unknown => warned.push(name)
    process.on("warning", listen)
    const signals = onSignals({ begun: false, event: () => {}, end: () => {} })
    try {
      for (let host = 0; host < 40; host++) signals.signal.addEventListener("abort", () => {})
      await sleep(1)
      expect(warned).to.deep.equal([])
    } finally {
      signals.stop()
      process.off("warning", listen)
    }
  })
})
