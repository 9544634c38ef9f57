import { expect } from "chai"
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatamaestroError } from "@datamaestro/protocol"
import { extractBytes, temporaryFolder } from "../../fixtures/extraction.ts"
import { tarArchive } from "../../fixtures/tar-archive.ts"
import { zipArchive } from "../../fixtures/zip-archive.ts"

const BLOCK = 512
/** Bits between two flipped ones: fewer than a byte has, so that one of each byte is, and odd, so that not always the same. */
const STEP = { tar: 7, zip: 3 }

/** Each kind of header that a tar has. */
const tar = tarArchive([
  { name: "top/", mtime: 1 },
  { name: "top/a.txt", content: "alpha" },
  { name: "top/link", type: "2", linkname: "a.txt" },
  { name: "top/hard", type: "1", linkname: "top/a.txt" },
  { name: "././@LongLink", type: "L", content: `top/${"l".repeat(120)}\0` },
  { name: "short", content: "by a GNU long name" },
  { name: `top/${"p".repeat(110)}`, content: "by a pax header" },
])
const zip64 = zipArchive(
  [
    { name: "a.txt", content: "alpha ".repeat(20), zip64: true },
    { name: "d/b", content: "b" },
    { name: "d/link", content: "../a.txt", mode: 0o120777 },
  ],
  { zip64: true },
)

function flip(bytes: Buffer, bit: number): Buffer {
  const flipped = Buffer.from(bytes)
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return flipped
}

/** As whoever flips it on purpose does: the header's checksum is right again. */
function withRightSum(bytes: Buffer, bit: number): Buffer {
  const start = (bit >> 3) - ((bit >> 3) % BLOCK)
  const header = bytes.subarray(start, start + BLOCK)
  if (tar.toString("latin1", start + 257, start + 262) !== "ustar") return bytes
  header.fill(0x20, 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1")
  return bytes
}

describe("archives with a flipped bit, whose headers' checksums fit", function () {
  this.timeout(180_000)
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => {
    folder = temporaryFolder()
    mkdirSync(join(folder.path, "beside"))
    writeFileSync(join(folder.path, "beside/victim"), "untouched")
  })
  afterEach(() => folder.remove())

  const inputs = {
    tar: (bit: number) => withRightSum(flip(tar, bit), bit),
    zip: (bit: number) => flip(zip64, bit),
  }
  for (const kind of ["tar", "zip"] as const) {
    it(`end as an archive or with an error of it, and write nowhere else: ${kind}`, async () => {
      const bits = (kind === "tar" ? tar : zip64).length * 8
      let extracted = 0
      let refused = 0
      for (let bit = 0; bit < bits; bit += STEP[kind]) {
        try {
          await extractBytes(folder.path, kind, inputs[kind](bit))
          extracted++
        } catch (error) {
          if (!(error instanceof DatamaestroError)) throw new Error(`bit ${bit}`, { cause: error })
          expect(error.exitStatus, `bit ${bit}: ${error.message}`).to.be.oneOf([5, 6])
          refused++
          expect(readdirSync(folder.path).sort(), `bit ${bit}`).to.deep.equal(["archive", "beside"])
        }
        rmSync(join(folder.path, "out"), { recursive: true, force: true })
        expect(readdirSync(folder.path).sort(), `bit ${bit}`).to.deep.equal(["archive", "beside"])
        expect(readFileSync(join(folder.path, "beside/victim"), "utf8")).to.equal("untouched")
      }
      expect([extracted > 0, refused > 0]).to.deep.equal([true, true])
    })
  }
})
