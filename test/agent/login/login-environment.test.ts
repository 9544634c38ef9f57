import { expect } from "chai"
import { existsSync } from "node:fs"
import { chmod, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { readLoginEnvironment } from "../../../packages/agent/src/login/login-environment.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"
import { callWithoutFiles } from "../../helpers/without-files.ts"

describe("readLoginEnvironment", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>

  beforeEach(async () => {
    folder = await temporaryFolder()
  })

  afterEach(() => folder.remove())

  const shell = async (text: string): Promise<string> => {
    const path = join(folder.path, "shell")
    await writeFile(path, `#!/bin/sh\n${text}\n`)
    await chmod(path, 0o755)
    return path
  }

  it("reads values with line ends and equals signs, past noise", async () => {
    const noisy = await shell(`echo FAKE=1; printf 'no end'; export ODD="a=b\nc" DATAMAESTRO_DIR=/d; eval "$2"`)
    const { variables, warning } = await readLoginEnvironment({ shell: noisy })
    expect(warning).to.equal(undefined)
    expect(variables).to.include({ ODD: "a=b\nc", DATAMAESTRO_DIR: "/d" })
    expect(variables).to.not.have.any.keys("FAKE", "SHLVL", "PWD")
  })

  it("leaves out NODE_OPTIONS, which would keep threads and jobs of this Node from starting", async () => {
    const wrong = await shell(`export NODE_OPTIONS="--require /no/such.js" PLAIN=yes; eval "$2"`)
    const { variables } = await readLoginEnvironment({ shell: wrong })
    expect(variables).to.include({ PLAIN: "yes" }).and.not.have.property("NODE_OPTIONS")
  })

  it("leaves out LD_LIBRARY_PATH where this Node needs its own, which an environment module has set", async () => {
    const other = await shell(`export LD_LIBRARY_PATH=/of/others PLAIN=yes; eval "$2"`)
    expect((await readLoginEnvironment({ shell: other })).variables).to.include({ LD_LIBRARY_PATH: "/of/others" })
    process.env["DATAMAESTRO_LIBRARIES"] = "/of/node"
    try {
      const { variables } = await readLoginEnvironment({ shell: other })
      expect(variables).to.include({ PLAIN: "yes" }).and.not.have.property("LD_LIBRARY_PATH")
    } finally {
      delete process.env["DATAMAESTRO_LIBRARIES"]
    }
  })

  it("says so where no more files may be opened: Node then makes no pipe for a program", () => {
    const module = "packages/agent/src/login/login-environment.ts"
    const answer = callWithoutFiles(module, "readLoginEnvironment", { shell: "/bin/sh" })
    expect(answer).to.have.property("warning").that.contains("EMFILE")
  })

  it("is content with an env that has no -0", async () => {
    const old = await shell(`export PLAIN=yes; eval "$(printf %s "$2" | sed 's/env -0/false/')"`)
    expect((await readLoginEnvironment({ shell: old })).variables).to.include({ PLAIN: "yes" })
  })

  it("asks a shell whose start-up files have lost PATH", async () => {
    const lost = await shell(`export PATH=/no/such DATAMAESTRO_DIR=/d; eval "$2"`)
    expect((await readLoginEnvironment({ shell: lost })).variables).to.include({ DATAMAESTRO_DIR: "/d" })
  })

  it("asks the shell that the start-up files put in its place, as where no other login shell may be chosen", async () => {
    const real = await shell(`export DATAMAESTRO_DIR="/d e"; read answer; exec /bin/sh "$@"`)
    const replaced = join(folder.path, "replaced")
    await writeFile(replaced, `#!/bin/sh\nexport PLAIN=yes\nexec ${real}\n`)
    await chmod(replaced, 0o755)
    const { variables, warning } = await readLoginEnvironment({ shell: replaced })
    expect(warning).to.equal(undefined)
    expect(variables).to.include({ DATAMAESTRO_DIR: "/d e", PLAIN: "yes" })
  })

  it("asks a fish that the start-up files put in its place", async function () {
    if (!existsSync("/usr/bin/fish")) this.skip()
    const replaced = await shell("export PLAIN=yes; exec /usr/bin/fish")
    const { variables, warning } = await readLoginEnvironment({ shell: replaced })
    expect(warning).to.equal(undefined)
    expect(variables).to.include({ PLAIN: "yes" })
  })

  it("does not wait for what the start-up files leave running", async () => {
    const leaving = await shell(`sleep 60 & eval "$2"`)
    expect((await readLoginEnvironment({ shell: leaving, timeout: 15_000 })).warning).to.equal(undefined)
  })

  it("gives up in time on a shell that hangs, dies, prints without end, or is none", async () => {
    const hanging = await readLoginEnvironment({ shell: await shell("sleep 60"), timeout: 200 })
    expect(hanging.variables).to.equal(undefined)
    expect(hanging.warning).to.include("took longer")
    const endless = await readLoginEnvironment({ shell: await shell("yes"), timeout: 300 })
    expect(endless.warning).to.include("took longer")
    const dying = await readLoginEnvironment({ shell: await shell("exit 3") })
    expect(dying.warning).to.include("did not print")
    for (const none of ["/nowhere/sh", "/usr/sbin/nologin", null]) {
      const { variables, warning } = await readLoginEnvironment({ shell: none })
      expect(variables).to.equal(undefined)
      expect(warning).to.be.a("string")
    }
  })
})
