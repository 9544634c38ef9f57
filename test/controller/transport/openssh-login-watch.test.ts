import { expect } from "chai"
import { mock } from "node:test"
import { setTimeout as sleep } from "node:timers/promises"
import { watchOpensshLogin } from "../../../packages/controller/src/transport/openssh-login-watch.ts"

describe("watchOpensshLogin", () => {
  const prompter = {
    available: true,
    ask: async (): Promise<string> => {
      await sleep(150)
      return "yes"
    },
  }

  it("tells once of a log-in that says nothing, and gives it up", () => {
    mock.timers.enable({ apis: ["setTimeout"] })
    try {
      let told = 0
      const watch = watchOpensshLogin(prompter, () => told++, { tellAfter: 20, giveUpAfter: 100 })
      mock.timers.tick(60)
      expect([told, watch.signal.aborted]).to.deep.equal([1, false])
      mock.timers.tick(60)
      expect([told, watch.signal.aborted]).to.deep.equal([1, true])
      watch.stop()
    } finally {
      mock.timers.reset()
    }
  })

  it("waits for a person as long as it takes", async () => {
    let told = 0
    const watch = watchOpensshLogin(prompter, () => told++, { tellAfter: 50, giveUpAfter: 100 })
    expect(await watch.prompter.ask({ text: "Sure?", hidden: false })).to.equal("yes")
    expect([told, watch.signal.aborted]).to.deep.equal([0, false])
    watch.stop()
  })
})
