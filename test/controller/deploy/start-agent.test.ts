import { SILENCE_LIMIT } from "@datamaestro/protocol"
import { expect } from "chai"
import { BOOT_TIMEOUT } from "../../../packages/controller/src/deploy/start-agent.ts"

describe("startAgent", () => {
  it("tells what start-up files printed before the link counts as dead", () => {
    expect(BOOT_TIMEOUT).to.be.below(SILENCE_LIMIT)
  })
})
