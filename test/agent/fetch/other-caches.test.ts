import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { appendFile, mkdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"
import { rejection } from "../../helpers/rejection.ts"
import { setUpFetch, type FetchSetup } from "./fetch-setup.ts"

const body = randomBytes(100_000)

describe("a cache that is only read", () => {
  let setup: FetchSetup
  let url: string
  beforeEach(async () => {
    setup = await setUpFetch()
    setup.origin.route("/a", { body })
    url = setup.origin.at("/a")
  })
  afterEach(() => setup.close())

  it("as the shared one of the settings serves what it has, verified, and gets nothing", async () => {
    const shared = new DownloadCache(join(setup.folder, "shared"))
    const there = await setup.fetch({ urls: [url] }, { cache: shared })
    await there.release({ remove: false })
    const own = new DownloadCache(join(setup.folder, "own"), { shared: shared.path })
    const found = await setup.fetch({ urls: [url] }, { cache: own })
    expect(found).to.include({ path: there.path, fromCache: true, sha256: there.sha256 })
    await found.release({ remove: true })
    expect(await readFile(there.path)).to.deep.equal(body)
    expect(setup.origin.requests).to.have.length(1)

    setup.origin.route("/b", { body })
    const other = await setup.fetch({ urls: [setup.origin.at("/b")] }, { cache: own })
    expect(other.path.startsWith(own.path)).to.equal(true)
    expect(await shared.list()).to.have.length(1)
  })

  it("is told and passed over where it is damaged", async () => {
    const shared = new DownloadCache(join(setup.folder, "shared"))
    const there = await setup.fetch({ urls: [url] }, { cache: shared })
    await there.release({ remove: false })
    await appendFile(there.path, "x")
    const own = new DownloadCache(join(setup.folder, "own"), { shared: shared.path })
    const found = await setup.fetch({ urls: [url] }, { cache: own })
    expect(found.fromCache).to.equal(false)
    expect(await readFile(found.path)).to.deep.equal(body)
    expect(setup.notices().join()).to.include("shared cache")
  })

  it("on a read-only file system serves what it has, and says so for what it has not", async function () {
    const disk = join(setup.folder, "disk")
    await mkdir(disk)
    try {
      execFileSync("mount", ["-t", "tmpfs", "tmpfs", disk], { stdio: "ignore" })
    } catch {
      this.skip()
    }
    try {
      const there = await setup.fetch({ urls: [url] }, { cache: new DownloadCache(disk) })
      await there.release({ remove: false })
      execFileSync("mount", ["-o", "remount,ro", disk])
      const cache = new DownloadCache(disk, { limit: 1 })
      const found = await setup.fetch({ urls: [url] }, { cache })
      expect(found).to.include({ path: there.path, fromCache: true, sha256: there.sha256 })
      await found.release({ remove: false })
      const again = await setup.fetch({ urls: [url] }, { cache })
      await again.release({ remove: true })
      expect(await readFile(there.path)).to.deep.equal(body)
      expect(setup.origin.requests).to.have.length(1)
      const error = await rejection(setup.fetch({ urls: [setup.origin.at("/b")] }, { cache }))
      expect(error).to.have.property("code", "READ_ONLY")
    } finally {
      execFileSync("umount", ["-l", disk])
    }
  })
})
