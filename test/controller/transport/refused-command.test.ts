import { expect } from "chai"
import { refusedCommand } from "../../../packages/controller/src/transport/refused-command.ts"

describe("a command that a server refuses", () => {
  it("has a next step that can be typed, also for another port", () => {
    expect(refusedCommand("me@login.example.org:2222", "it was refused").hint).to.contain(
      '"ssh -p 2222 me@login.example.org true"',
    )
  })
})
