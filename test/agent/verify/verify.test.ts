import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { checkIntegrity } from "../../../packages/agent/src/verify/check-integrity.ts"
import { hashFile } from "../../../packages/agent/src/verify/hash-file.ts"
import { StreamHasher } from "../../../packages/agent/src/verify/stream-hasher.ts"
import { rejection } from "../../helpers/rejection.ts"

const ALL = ["md5", "sha1", "sha256", "sha512"] as const

describe("verify", () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "verify-"))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  for (const size of [0, 1, 1024 * 1024, 2 * 1024 * 1024 + 1]) {
    it(`computes what coreutils compute, of ${size} bytes`, async () => {
      const path = join(folder, "x")
      await writeFile(path, randomBytes(size))
      const seen: number[] = []
      const { bytes, digests } = await hashFile(path, ALL, { onBytes: (count) => seen.push(count) })
      expect(bytes).to.equal(size)
      for (const algorithm of ALL) {
        expect(digests[algorithm]).to.equal(execFileSync(`${algorithm}sum`, [path]).toString().split(" ")[0])
      }
      expect(seen.at(-1) ?? 0).to.equal(size)
    })
  }

  it("stops when aborted", async () => {
    const path = join(folder, "x")
    await writeFile(path, randomBytes(8 * 1024 * 1024))
    const abort = new AbortController()
    const error = await rejection(hashFile(path, ["md5"], { signal: abort.signal, onBytes: () => abort.abort() }))
    expect(error).to.have.property("code", "INTERRUPTED")
  })

  it("gives the digests so far and goes on", () => {
    const hasher = new StreamHasher(["md5"])
    hasher.update(Buffer.from("a"))
    expect(hasher.digests().md5).to.equal("0cc175b9c0f1b6a831c399e269772661")
    hasher.update(Buffer.from("bc"))
    expect(hasher.digests().md5).to.equal("900150983cd24fb0d6963f7d28e17f72")
    expect(hasher.bytes).to.equal(3)
  })

  it("accepts sums in upper case, and names both when they differ", () => {
    const hasher = new StreamHasher(["md5"])
    hasher.update(Buffer.from("abc"))
    const hex = "900150983CD24FB0D6963F7D28E17F72"
    checkIntegrity([{ algorithm: "md5", hex, of: "download" }], hasher.digests(), { name: "x" })
    let error: unknown
    try {
      checkIntegrity([{ algorithm: "md5", hex: "00".repeat(16), of: "download" }], hasher.digests(), {
        name: "x",
        url: "http://example.org/x",
      })
    } catch (thrown) {
      error = thrown
    }
    expect(error).to.have.property("code", "CHECKSUM_MISMATCH")
    expect(error).to.have.property("message").that.includes("wanted 0000")
    expect(error)
      .to.have.property("details")
      .that.includes({ wanted: "00".repeat(16), found: hex.toLowerCase(), url: "http://example.org/x" })
  })

  it("never passes a declared sum that was not computed", () => {
    const check = (): void => checkIntegrity([{ algorithm: "sha1", hex: "00", of: "download" }], {}, { name: "x" })
    expect(check).to.throw("was not computed")
  })
})
