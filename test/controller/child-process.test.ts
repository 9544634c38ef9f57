import { expect } from "chai"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { ownShell } from "../../packages/controller/src/transport/own-shell.ts"
import { callWithOneFile } from "../helpers/without-files.ts"
import { temporaryFolder } from "../helpers/ssh-client-files.ts"

const STARTING = "test/fixtures/starting-programs.ts"
const SSH = { code: "SSH_CONFIGURATION", message: "Cannot start the system's ssh: spawn ssh EMFILE" }

describe("a program that can't be started since no more files may be opened", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  beforeEach(async () => (folder = await temporaryFolder()))
  afterEach(() => folder.remove())

  const expectLimit = (answer: unknown, { code, message }: { code: string; message: string }): void => {
    expect(answer).to.have.nested.include({ "thrown.code": code, "thrown.message": message })
    expect(answer).to.have.nested.property("thrown.hint").that.contains("`ulimit -n`").and.contains("this machine")
  }

  it("is told of the system's ssh", () => {
    expectLimit(callWithOneFile("packages/controller/src/transport/openssh-configuration.ts", "runSsh", ["-V"]), SSH)
    expectLimit(callWithOneFile(STARTING, "exec", "true"), SSH)
  })

  it("is told of a ProxyCommand", () => {
    const own = ownShell()
    const shell = own === true ? "/bin/sh" : own
    expectLimit(callWithOneFile(STARTING, "dial", "true"), {
      code: "UNREACHABLE",
      message: `Cannot reach "cluster" (cluster.example.org, port 22): its ProxyCommand can't be started: spawn ${shell} EMFILE`,
    })
  })

  it("is told of SSH_ASKPASS", () => {
    expectLimit(callWithOneFile(STARTING, "ask", "true"), {
      code: "AUTHENTICATION_FAILED",
      message: '"true" answered nothing to "Password:": too many open files',
    })
  })

  it("is told of npm", () => {
    const module = "packages/controller/src/deploy/npm.ts"
    const wanted = { name: join(folder.path, "none"), range: "1" }
    expectLimit(callWithOneFile(module, "newestVersion", wanted, { folder: folder.path }), {
      code: "DOWNLOAD_FAILED",
      message: `Cannot fetch a Node: "npm view ${wanted.name}@1" failed: spawn npm EMFILE`,
    })
  })

  it("is told of what builds a package", () => {
    writeFileSync(join(folder.path, "package.json"), JSON.stringify({ scripts: { build: "true" } }))
    expectLimit(callWithOneFile(STARTING, "build", folder.path), {
      code: "BROKEN_REPOSITORY",
      message: `Cannot build "${folder.path}": npm can't be started: spawn npm EMFILE`,
    })
  })

  it("is no holder of a connection: that is made without", () => {
    expect(callWithOneFile(STARTING, "hold", join(folder.path, "none"))).to.deep.equal({ socket: null })
  })
})
