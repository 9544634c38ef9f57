import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { authorizationFor } from "../../../packages/agent/src/fetch/credentials.ts"
import { networkFailure, retryDelay } from "../../../packages/agent/src/fetch/retry-policy.ts"
import { DownloadCache } from "../../../packages/agent/src/store/cache.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"
import { rejection } from "../../helpers/rejection.ts"
import { setUpFetch, type FetchSetup } from "./fetch-setup.ts"

const MIB = 1024 * 1024

describe("a download that can't be kept", () => {
  let setup: FetchSetup
  beforeEach(async () => {
    setup = await setUpFetch()
  })
  afterEach(() => setup.close())

  it("is refused before it starts when it is known not to fit", async () => {
    const { origin } = setup
    const bytes = 10 ** 15
    origin.route("/a", { body: "x", contentLength: { bytes } })
    const error = await rejection(setup.fetch({ urls: [origin.at("/a")] }))
    expect(error).to.have.property("code", "NO_SPACE")
    expect(error.details).to.include({ needed: bytes }).and.have.property("available").that.is.above(0)
    expect(error.message).to.match(/1\.0 PB are needed, [\d.]+ [kMGT]?B are available/)
    expect(setup.events.filter(({ phase }) => phase === "retry")).to.deep.equal([])
  })

  it("is kept as far as it came when the disk fills, and goes on when there is room", async function () {
    const disk = join(setup.folder, "disk")
    await mkdir(disk)
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", disk], { stdio: "ignore" })
    } catch {
      this.skip()
    }
    try {
      const { origin } = setup
      const body = randomBytes(4 * MIB)
      origin.route("/a", { body, length: "chunked" })
      const request = { urls: [origin.at("/a")] }
      const error = await rejection(setup.fetch(request, { cache: new DownloadCache(disk) }))
      expect(error).to.have.property("code", "NO_SPACE")
      expect((await readdir(disk)).filter((name) => name.endsWith(".lock"))).to.deep.equal([])
      execFileSync("mount", ["-o", "remount,size=9m", disk])
      const result = await setup.fetch(request, { cache: new DownloadCache(disk) })
      expect(await readFile(result.path)).to.deep.equal(body)
      expect(origin.requests.at(-1)?.sent).to.be.at.most(2 * MIB)
    } finally {
      execFileSync("umount", ["-l", disk])
    }
  })

  it("says what to do when the cache's path is no folder", async () => {
    await writeFile(setup.cache.path, "")
    const error = await rejection(setup.fetch({ urls: [setup.origin.at("/a")] }))
    expect(error.exitStatus).to.equal(6)
  })
})

describe("retry policy", () => {
  const tuning = { firstDelaySeconds: 1, longestDelaySeconds: 60 }

  it("doubles, with full jitter, up to a ceiling, above what the server asks for", () => {
    expect([1, 2, 3, 9].map((failures) => retryDelay(failures, 0, tuning, () => 1))).to.deep.equal([1, 2, 4, 60])
    expect(retryDelay(3, 0, tuning, () => 0)).to.equal(0)
    expect(retryDelay(1, 100, tuning, () => 0)).to.equal(100)
  })

  it("knows what will not pass, and leaves what is no network failure", () => {
    const error = (code: string): Error => Object.assign(new Error(code), { code })
    expect(networkFailure(error("ENOTFOUND"))).to.have.property("retry", false)
    expect(networkFailure(error("CERT_HAS_EXPIRED"))).to.include({ retry: false, certificate: true })
    expect(networkFailure(new Error("x", { cause: error("ECONNRESET") }))).to.have.property("retry", true)
    expect(networkFailure(error("ENOSPC"))).to.equal(undefined)
    expect(networkFailure(new TypeError("x"))).to.equal(undefined)
  })
})

describe("authorization", () => {
  const environment = { HOME: "/nonexistent", DATAMAESTRO_TOKEN_H_ORG: "t" }
  const hop = (from: string, to: string, downgraded = false): Parameters<typeof authorizationFor>[0] => ({
    origin: new URL(from),
    url: new URL(to),
    downgraded,
  })

  it("never goes down to http", async () => {
    expect(await authorizationFor(hop("https://u:p@h.org/", "http://h.org/", true), environment)).to.equal(undefined)
    expect(await authorizationFor(hop("http://h.org/", "http://h.org/"), environment)).to.equal(undefined)
    expect(await authorizationFor(hop("https://x.org/", "https://h.org/"), environment)).to.equal("Bearer t")
    expect(await authorizationFor(hop("https://u:p@x.org/", "https://x.org:444/"), environment)).to.equal(undefined)
    expect(await authorizationFor(hop("http://u:p@x.org/", "https://x.org/"), environment)).to.equal(undefined)
  })

  it("of ~/.netrc is for where the download begins, and elsewhere over https only", async () => {
    const folder = temporaryFolder()
    try {
      await writeFile(join(folder.path, ".netrc"), "machine h.org login me password word\n")
      const sent = (from: string): Promise<string | undefined> =>
        authorizationFor(hop(from, from.replace("x.org", "h.org")), { HOME: folder.path })
      const login = `Basic ${Buffer.from("me:word").toString("base64")}`
      expect(await sent("http://h.org/")).to.equal(login)
      expect(await sent("https://x.org/")).to.equal(login)
      expect(await sent("http://x.org/")).to.equal(undefined)
    } finally {
      folder.remove()
    }
  })

  it("prefers what stands in the URL", async () => {
    const value = await authorizationFor(hop("https://u:p@h.org/a", "https://h.org/b"), environment)
    expect(value).to.equal(`Basic ${Buffer.from("u:p").toString("base64")}`)
  })
})
