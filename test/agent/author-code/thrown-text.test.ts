import { expect } from "chai"
import { thrownText } from "../../../packages/agent/src/author-code/thrown-text.ts"

describe("what code of others has thrown, in words", () => {
  it("tells the reasons where several errors came in one", async () => {
    const down = ["a", "b", "c", "d", "e"].map((name) => Promise.reject(new Error(`mirror ${name} is down`)))
    const thrown = await Promise.any(down).catch((error: unknown) => error)
    expect(thrownText(thrown)).to.equal(
      "All promises were rejected: mirror a is down; mirror b is down; mirror c is down; 2 more",
    )
    expect(thrownText(new AggregateError([new AggregateError(["x", new Error("y")])]))).to.equal("x; y")
  })

  it("is the message of one error, and whatever else it was", () => {
    expect(thrownText(new TypeError("no vowels"))).to.equal("no vowels")
    expect(thrownText("no vowels")).to.equal("no vowels")
    expect(thrownText({ vowels: 0 })).to.equal("{ vowels: 0 }")
  })

  it("is what an error came from as well: of a failed fetch, that alone says why", async () => {
    const failed = await fetch("http://127.0.0.1:1/").catch((error: unknown) => error)
    expect(thrownText(failed)).to.match(/^fetch failed: ./)
    const refused = new Error("refused", { cause: "no route" })
    expect(thrownText(new Error("fetch failed", { cause: refused }))).to.equal("fetch failed: refused: no route")
    expect(thrownText(new Error("fetch failed: refused", { cause: "refused" }))).to.equal("fetch failed: refused")
    const circle = new Error("round")
    circle.cause = new Error("and", { cause: circle })
    expect(thrownText(circle)).to.equal("round: and: round: and")
  })

  it("is the error's name where it has no message", () => {
    expect(thrownText(new RangeError())).to.equal("RangeError")
  })

  it("is no longer than what somebody can read", () => {
    expect(thrownText(new Error("x".repeat(1e6)))).to.have.length(4001)
    expect(thrownText("x".repeat(1e6))).to.have.length(4001)
  })
})
