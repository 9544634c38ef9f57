import { expect } from "chai"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { DatamaestroError } from "@datamaestro/protocol"
import { extractBytes, temporaryFolder } from "../../fixtures/extraction.ts"
import { zipArchive } from "../../fixtures/zip-archive.ts"

/** A field of a zip's extra data: identifier, length as declared, and content (APPNOTE.TXT 4.5.1). */
function field(id: number, content: Buffer, declared = content.length): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(id, 0)
  head.writeUInt16LE(declared, 2)
  return Buffer.concat([head, content])
}

/** NTFS (4.5.5): four reserved bytes, then attributes; the first has three times. */
function ntfs(attributes: Buffer, declared?: number): Buffer {
  return field(0x000a, Buffer.concat([Buffer.alloc(4), attributes]), declared)
}

const NTFS = 0x0001
const times = Buffer.alloc(24)
// 2021-01-01T00:00:00Z in units of 100 ns since 1601.
times.writeBigUInt64LE(132_539_328_000_000_000n, 0)

describe("published advisories of yauzl", () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => (folder = temporaryFolder()))
  afterEach(() => folder.remove())

  /** `extracted`, or the code of what it failed with. */
  const extract = async (extra: Buffer): Promise<string> => {
    const bytes = zipArchive([{ name: "a.txt", content: "hello", extra }])
    try {
      await extractBytes(folder.path, "zip", bytes)
      return "extracted"
    } catch (error) {
      if (error instanceof DatamaestroError) return error.code
      throw error
    }
  }

  it("GHSA-gmq8-994r-jv83: times in an extra field that is cut short are not read beyond it", async function () {
    this.timeout(30_000)
    const whole = ntfs(field(NTFS, times))
    const ended: Record<string, number> = {}
    for (let length = 0; length <= whole.length; length++) {
      const part = whole.subarray(0, length)
      // Cut as it is, and with lengths that fit what is left.
      const fitting = length < 4 ? part : field(0x000a, part.subarray(4))
      const last = length < 12 ? fitting : ntfs(field(NTFS, part.subarray(12)))
      for (const extra of [part, fitting, last, Buffer.concat([fitting, Buffer.alloc(1)])]) {
        const result = await extract(extra)
        ended[result] = (ended[result] ?? 0) + 1
        if (result === "extracted") {
          expect(readFileSync(join(folder.path, "out/a.txt"), "utf8")).to.equal("hello")
          folder.remove()
          folder = temporaryFolder()
        }
      }
    }
    expect(Object.keys(ended).sort()).to.deep.equal(["CORRUPT", "extracted"])
  })

  it("GHSA-gmq8-994r-jv83: sound times are those that the file gets", async () => {
    expect(await extract(ntfs(field(NTFS, times)))).to.equal("extracted")
    expect(statSync(join(folder.path, "out/a.txt")).mtime.toISOString()).to.equal("2021-01-01T00:00:00.000Z")
  })
})
