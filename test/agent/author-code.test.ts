import { expect } from "chai"
import { cameThrough } from "../../packages/agent/src/author-code.ts"

describe("whose code an error came through", () => {
  const ours = "    at leave (/home/ada/sets/node_modules/datamaestro/dist/agent.cjs:12:34)"

  it("is its package's, by a file anywhere below its folder", () => {
    expect(cameThrough("/home/ada/sets", `Error: no\n${ours}\n    at file:///home/ada/sets/lib/thing.js:3:7`)).to.equal(
      true,
    )
    expect(cameThrough("/home/ada/sets", "Error: no\n    at file:///home/ada/others/lib/thing.js:3:7")).to.equal(false)
  })

  it("is not its package's where only the agent is below its folder, installed there", () => {
    expect(cameThrough("/home/ada/sets", `Error: no\n${ours}`)).to.equal(false)
    expect(cameThrough("/home/ada/sets", `Error: no\n${ours.replace("agent.cjs", "agent-rest.cjs")}`)).to.equal(false)
  })
})
