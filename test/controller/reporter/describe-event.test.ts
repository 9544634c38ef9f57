import { expect } from "chai"
import { describeEvent } from "../../../packages/controller/src/reporter/describe-event.ts"

describe("what is told of an event, once", () => {
  it("is that a connection is being made, and for who wants to know more how long it took", () => {
    const address = "me@login.example.org:22"
    expect(describeEvent({ phase: "connect", address }, false)).to.equal(`connecting to ${address}`)
    const made = { phase: "connect", address, milliseconds: 41.6 } as const
    expect(describeEvent(made, false)).to.equal(undefined)
    expect(describeEvent(made, true)).to.equal(`connected to ${address} in 42 ms`)
  })

  it("is a notice by its level", () => {
    const told = (level: "debug" | "info" | "warning", debug: boolean) =>
      describeEvent({ phase: "notice", level, message: "so" }, debug)
    expect([told("debug", false), told("debug", true)]).to.deep.equal([undefined, "debug: so"])
    expect([told("info", false), told("warning", false)]).to.deep.equal(["so", "warning: so"])
  })
})
