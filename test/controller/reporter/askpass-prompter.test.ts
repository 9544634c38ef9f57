import { expect } from "chai"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { askpassOr } from "../../../packages/controller/src/reporter/askpass-prompter.ts"
import { silentPrompter } from "../../../packages/controller/src/reporter/silent-prompter.ts"
import { rejection } from "../../helpers/rejection.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("questions through SSH_ASKPASS", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  beforeEach(async () => (folder = await temporaryFolder()))
  afterEach(() => folder.remove())

  const { signal } = new AbortController()
  const terminal = { ...silentPrompter, available: true }
  const program = async (script: string): Promise<string> => {
    const path = join(folder.path, "askpass")
    await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o700 })
    return path
  }
  const forced = async (script: string, stop = signal): Promise<ReturnType<typeof askpassOr>> =>
    askpassOr(silentPrompter, stop, { SSH_ASKPASS: await program(script), SSH_ASKPASS_REQUIRE: "force" })

  it("come where OpenSSH has them come", () => {
    const asks = (who: typeof terminal, environment: NodeJS.ProcessEnv): boolean =>
      askpassOr(who, signal, { SSH_ASKPASS: "/bin/ask", ...environment }) !== who
    const display = { DISPLAY: ":0" }
    expect(asks(silentPrompter, {})).to.equal(false)
    expect(asks(silentPrompter, display)).to.equal(true)
    expect(asks(silentPrompter, { WAYLAND_DISPLAY: "wayland-0" })).to.equal(true)
    expect(asks(terminal, display)).to.equal(false)
    expect(asks(terminal, { ...display, SSH_ASKPASS_REQUIRE: "prefer" })).to.equal(true)
    expect(asks(terminal, { SSH_ASKPASS_REQUIRE: "prefer" })).to.equal(false)
    expect(asks(terminal, { SSH_ASKPASS_REQUIRE: "force" })).to.equal(true)
    expect(asks(silentPrompter, { ...display, SSH_ASKPASS_REQUIRE: "never" })).to.equal(false)
    expect(asks(silentPrompter, { ...display, SSH_ASKPASS: "" })).to.equal(false)
  })

  it("are its argument, and answered by its first line, one at a time", async () => {
    const log = join(folder.path, "log")
    const prompter = await forced(
      `echo "<$1>" >> '${log}'; sleep 0.1; echo over >> '${log}'; echo "an answer "; echo more`,
    )
    expect(prompter.available).to.equal(true)
    const answers = await Promise.all([
      prompter.ask({ text: "Password:", preface: "That was\u001b[2J wrong", hidden: true }),
      prompter.ask({ text: "Code:", hidden: true }),
    ])
    expect(answers).to.deep.equal(["an answer ", "an answer "])
    expect(await readFile(log, "utf8")).to.equal("<That was\uFFFD[2J wrong\nPassword: >\nover\n<Code: >\nover\n")
  })

  it("fail where its window is closed, and where there is no such program", async () => {
    const closed = await rejection((await forced("exit 1")).ask({ text: "Password:", hidden: true }))
    expect(closed.code).to.equal("AUTHENTICATION_FAILED")
    expect(closed.message).to.match(/^".*askpass" answered nothing to "Password:": it ended with 1$/)
    const environment = { SSH_ASKPASS: "/no/such/program", SSH_ASKPASS_REQUIRE: "force" }
    const missing = await rejection(askpassOr(silentPrompter, signal, environment).ask({ text: "P:", hidden: true }))
    expect(missing.message).to.equal('"/no/such/program" answered nothing to "P:": no such file or directory')
  })

  it("are withdrawn with the command", async () => {
    const stop = new AbortController()
    const pid = join(folder.path, "pid")
    const prompter = await forced(`echo $$ > '${pid}'; exec sleep 60`, stop.signal)
    const asked = rejection(prompter.ask({ text: "Password:", hidden: true }))
    while ((await readFile(pid, "utf8").catch(() => "")) === "") await sleep(10)
    stop.abort()
    expect((await asked).code).to.equal("INTERRUPTED")
    expect((await rejection(prompter.ask({ text: "Password:", hidden: true }))).code).to.equal("INTERRUPTED")
  })
})
