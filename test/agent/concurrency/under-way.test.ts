import { expect } from "chai"
import { UnderWay } from "../../../packages/agent/src/concurrency/under-way.ts"

describe("what is on its way", () => {
  let begun: { work: object; ended: () => void }[]
  let underWay: UnderWay<object>
  beforeEach(() => {
    begun = []
    underWay = new UnderWay()
  })
  const share = (name: string): object =>
    underWay.share(name, (ended) => {
      const work = {}
      begun.push({ work, ended })
      return work
    })

  it("is shared until it has ended, by those who want the same", () => {
    const first = share("a")
    expect(share("a")).to.equal(first)
    expect(share("b")).to.not.equal(first)
    begun[0]?.ended()
    expect(share("a")).to.not.equal(first)
    expect(begun).to.have.length(3)
  })

  it("stays shared when the one before ends once more", () => {
    share("a")
    begun[0]?.ended()
    const second = share("a")
    begun[0]?.ended()
    expect(share("a")).to.equal(second)
  })
})
