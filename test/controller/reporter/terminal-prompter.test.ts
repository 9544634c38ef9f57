import { expect } from "chai"
import { fileURLToPath } from "node:url"
import { hasPseudoTerminal, inTerminal } from "../../helpers/pseudo-terminal.ts"

const fixture = fileURLToPath(new URL("../../fixtures/ask.ts", import.meta.url))
const command = `'${process.execPath}' --import tsx --conditions=@datamaestro/source '${fixture}'`

describe("questions on the terminal", function () {
  before(function () {
    if (!hasPseudoTerminal) this.skip()
  })

  // Answers come back reversed, so that what was typed can only be on the screen if it was echoed.
  it("come one at a time, hide what must not be seen, and pause the bars", async () => {
    const { screen } = await inTerminal(command, [
      ['Passphrase for "/k":', "hunter2\r"],
      ["Sure? [y/N]", "yes\r"],
    ])
    expect(screen).to.contain('"shown":["2retnuh","sey"]').and.not.contain("hunter2")
    expect(screen).to.contain("Sure? [y/N] ").and.contain("yes")
    expect(screen).to.match(/^told\r\nbefore\r\n.*Passphrase/)
    expect(screen).to.contain('"calls":["pause","resume","pause","resume"]')
  })

  it("are asked on the terminal when stdin and stdout are not one", async () => {
    const { screen } = await inTerminal(`echo nothing | ${command} | cat`, [
      ['Passphrase for "/k":', "a1\r"],
      ["Sure? [y/N]", "b2\r"],
    ])
    expect(screen).to.contain('"shown":["1a","2b"]')
  })

  it("end with Ctrl-C as an interruption, and with Ctrl-D as well", async () => {
    const { screen } = await inTerminal(command, [
      ['Passphrase for "/k":', "\u0003"],
      ["Sure? [y/N]", "\u0004"],
    ])
    expect(screen)
      .to.contain('"shown":["INTERRUPTED","INTERRUPTED"]')
      .and.match(/("interrupt".*){2}/)
  })

  it("are asked again after Ctrl-Z and fg, a secret from its beginning", async () => {
    const { screen } = await inTerminal(`set -m; ${command} || fg || fg`, [
      ['Passphrase for "/k": ', "hun\u001a"],
      ['Passphrase for "/k": ', "hunter2\r"],
      ["Sure? [y/N]", "ye\u001a"],
      ["Sure? [y/N] ye", "s\r"],
    ])
    expect(screen).to.contain('"shown":["2retnuh","sey"]').and.not.contain("hun")
  })

  it("stay where Ctrl-Z has no shell to go back to", async () => {
    const { screen } = await inTerminal(`exec ${command}`, [
      ['Passphrase for "/k": ', "\u001a"],
      ['Passphrase for "/k": ', "hunter2\r"],
      ["Sure? [y/N]", "yes\r"],
    ])
    expect(screen).to.contain('"shown":["2retnuh","sey"]').and.not.contain("hunter2")
  })
})
