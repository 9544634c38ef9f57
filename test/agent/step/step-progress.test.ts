import { expect } from "chai"
import { stepProgress } from "../../../packages/agent/src/step/step-progress.ts"

describe("what a step tells of its progress", () => {
  const told = (...given: unknown[]): unknown => {
    const events: unknown[] = []
    const progress = stepProgress({ dataset: "org.x", resource: "list" }, (event) => events.push(event))
    ;(progress as (...given: unknown[]) => void)(...given)
    // As it comes to the other end, which drops the whole event where a number is `null` or a text is none.
    const { phase, dataset, resource, ...rest } = JSON.parse(JSON.stringify(events[0])) as Record<string, unknown>
    expect([phase, dataset, resource]).to.deep.equal(["step", "org.x", "list"])
    return rest
  }

  it("is a fraction and a word", () => {
    expect(told(0.5, "half")).to.deep.equal({ fraction: 0.5, message: "half" })
    expect(told(undefined, "50 words")).to.deep.equal({ message: "50 words" })
    expect(told(7)).to.deep.equal({ fraction: 1 })
  })

  it("keeps its message where the fraction is none: 0 / 0, or what only JavaScript lets pass", () => {
    expect(told(0 / 0, "nothing to do")).to.deep.equal({ message: "nothing to do" })
    expect(told(null, "begun")).to.deep.equal({ message: "begun" })
    expect(told("half", "way")).to.deep.equal({ message: "way" })
    expect(told(0.5, 17)).to.deep.equal({ fraction: 0.5, message: "17" })
  })

  it("is no longer than what somebody can read", () => {
    expect(told(undefined, "x".repeat(1e6))).to.deep.equal({ message: "x".repeat(2000) })
  })
})
