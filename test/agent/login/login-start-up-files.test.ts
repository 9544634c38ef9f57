import { expect } from "chai"
import { appendFile, mkdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { loginStartUpFiles } from "../../../packages/agent/src/login/login-start-up-files.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("the start-up files of a login shell", () => {
  let home: Awaited<ReturnType<typeof temporaryFolder>>
  beforeEach(async () => (home = await temporaryFolder()))
  afterEach(() => home.remove())

  it("are known by what they are: one that comes, changes or goes makes a difference, and nothing else does", async () => {
    const profile = join(home.path, ".profile")
    const none = loginStartUpFiles(home.path)
    expect(loginStartUpFiles(home.path)).to.equal(none)
    await writeFile(profile, "a=1\n")
    const one = loginStartUpFiles(home.path)
    expect(one).to.not.equal(none)
    await appendFile(profile, "b=2\n")
    const changed = loginStartUpFiles(home.path)
    expect(changed).to.not.equal(one)
    await writeFile(join(home.path, "notes"), "no start-up file")
    expect(loginStartUpFiles(home.path)).to.equal(changed)
    await rm(profile)
    expect(loginStartUpFiles(home.path)).to.equal(none)
  })

  it("are of every shell, in folders too", async () => {
    let before = loginStartUpFiles(home.path)
    await mkdir(join(home.path, ".config/fish/conf.d"), { recursive: true })
    for (const name of [".zshenv", ".tcshrc", ".config/fish/config.fish", ".config/fish/conf.d/own.fish"]) {
      await writeFile(join(home.path, name), "")
      const after = loginStartUpFiles(home.path)
      expect(after, name).to.not.equal(before)
      before = after
    }
  })
})
