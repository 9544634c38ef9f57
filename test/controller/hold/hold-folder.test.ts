import { expect } from "chai"
import { chmodSync, chownSync, existsSync, mkdirSync, statSync, symlinkSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { holdFolder } from "../../../packages/controller/src/hold/hold-folder.ts"
import { connectTo } from "../../../packages/controller/src/hold/holder-address.ts"
import { privateEnvironment } from "../../helpers/private-environment.ts"

const SOMEBODY_ELSE = 65534

describe("where held connections are reached", () => {
  let home: Awaited<ReturnType<typeof privateEnvironment>>
  let runtime: string
  let cache: string
  beforeEach(async () => {
    home = await privateEnvironment()
    process.env["XDG_RUNTIME_DIR"] = join(home.path, "run")
    mkdirSync(join(home.path, "run"))
    runtime = join(home.path, "run/datamaestro")
    cache = join(home.path, ".cache/datamaestro/held")
  })
  afterEach(() => home.restore())

  it("is a folder of ours alone, which is made where it is needed", () => {
    expect(holdFolder(false)).to.not.equal(runtime)
    expect(existsSync(runtime)).to.equal(false)
    expect(holdFolder(true)).to.equal(runtime)
    expect(statSync(runtime).mode & 0o777).to.equal(0o700)
    expect(holdFolder(false)).to.equal(runtime)
  })

  it("is nothing that others can enter, until it is closed to them", () => {
    mkdirSync(runtime)
    for (const mode of [0o755, 0o710, 0o701]) {
      chmodSync(runtime, mode)
      expect(holdFolder(false), mode.toString(8)).to.not.equal(runtime)
    }
    expect(holdFolder(true)).to.equal(runtime)
    expect(statSync(runtime).mode & 0o777).to.equal(0o700)
  })

  it("is no link, wherever that leads", () => {
    const elsewhere = join(home.path, "elsewhere")
    mkdirSync(elsewhere)
    symlinkSync(elsewhere, runtime)
    for (const mode of [0o700, 0o755]) {
      chmodSync(elsewhere, mode)
      expect(holdFolder(true)).to.equal(cache)
      expect(statSync(elsewhere).mode & 0o777).to.equal(mode)
    }
  })

  it("is nothing of somebody else's, neither folder nor socket", async function () {
    if (process.getuid?.() !== 0) this.skip()
    mkdirSync(runtime, { mode: 0o700 })
    chownSync(runtime, SOMEBODY_ELSE, SOMEBODY_ELSE)
    expect(holdFolder(true)).to.equal(cache)
    const path = join(cache, "a.sock")
    const server = createServer((socket) => socket.on("error", () => {}))
    await new Promise<void>((resolve) => server.listen(path, resolve))
    const ours = await connectTo(path)
    expect(ours).to.not.equal(undefined)
    ours?.destroy()
    chownSync(path, SOMEBODY_ELSE, SOMEBODY_ELSE)
    expect(await connectTo(path)).to.equal(undefined)
    await new Promise((resolve) => server.close(resolve))
  })
})
