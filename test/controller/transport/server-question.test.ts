import { expect } from "chai"
import { serverQuestion } from "../../../packages/controller/src/transport/server-question.ts"

describe("a server's question", () => {
  it("is its last line, told the lines before it", () => {
    const words =
      "Duo two-factor login for me\n\nEnter a passcode or select an option:\n\n 1. Duo Push\n 2. SMS\n\nPasscode or option (1-2): "
    expect(serverQuestion(words)).to.deep.equal({
      text: "Passcode or option (1-2):",
      preface: "Duo two-factor login for me\nEnter a passcode or select an option:\n 1. Duo Push\n 2. SMS",
    })
    expect(serverQuestion("Password: ")).to.deep.equal({ text: "Password:" })
  })

  it("can neither colour nor steer the terminal", () => {
    expect(serverQuestion("\u001b[1;31mOne-time\u001b[0m\r\ncode\u0007:\u001b]0;title").text).to.equal(
      "code : ]0;title",
    )
  })
})
