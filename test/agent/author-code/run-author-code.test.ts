import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { pathToFileURL } from "node:url"
import { cameThrough } from "../../../packages/agent/src/author-code/run-author-code.ts"

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

describe("running an author's code", () => {
  /** How many threads are started for it. */
  const threads = (ours: boolean): number => {
    const code = `
      // What loads TypeScript has a thread, too.
      await new Promise((resolve) => setTimeout(resolve, 50))
      let threads = 0
      process.on("worker", () => threads++)
      const { runAuthorCode } = await import(${JSON.stringify(pathToFileURL("packages/agent/src/author-code/run-author-code.ts").href)})
      for (const _ of "twice") await runAuthorCode("own", { mark: () => undefined, ours: ${ours}, onLate() {} }, () => {})
      await new Promise(setImmediate)
      console.log(threads)
      process.exit()`
    const said = execFileSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code])
    return Number(said)
  }

  it("starts one watch that ends what never ends once nobody waits", () => {
    expect(threads(false)).to.equal(1)
  })

  it("starts none for code that is known to come to an end", () => {
    expect(threads(true)).to.equal(0)
  })
})
