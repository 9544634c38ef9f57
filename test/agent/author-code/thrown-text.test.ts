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
})
