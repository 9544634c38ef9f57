import { expect } from "chai"
import { spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Bzip2Ends } from "../../../packages/agent/src/compression/bzip2-ends.ts"
import { decompress } from "../../../packages/agent/src/compression/decompress.ts"
import { bzip2Sync } from "../../fixtures/bzip2.ts"
import { failure } from "../../fixtures/extraction.ts"

async function plain(bytes: Buffer): Promise<string> {
  const chunks: Buffer[] = []
  const source = (async function* () {
    yield bytes
  })()
  const options = { archive: "thing", signal: new AbortController().signal }
  for await (const chunk of decompress(source, options)) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

/** @param size of the pieces in which they come */
async function faultOf(bytes: Buffer, size: number): Promise<string | undefined> {
  const source = (async function* () {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  })()
  const ends = new Bzip2Ends()
  const passed: Uint8Array[] = []
  for await (const piece of ends.watch(source)) passed.push(piece)
  expect(Buffer.concat(passed).equals(bytes)).to.equal(true)
  return ends.fault
}

describe("the end of a bzip2 stream", () => {
  it("is known at whatever bit it is, in whatever pieces, and what lacks or is something else", async () => {
    const zeros = Buffer.alloc(30)
    for (let length = 0; length < 40; length++) {
      const bytes = bzip2Sync("text that has no end ".repeat(3).slice(0, length))
      for (const size of [1, 7, 1000]) {
        const told = async (...parts: (Buffer | string)[]): Promise<string | undefined> =>
          await faultOf(Buffer.concat(parts.map((part) => Buffer.from(part))), size)
        expect(await told(bytes), `${length}`).to.equal(undefined)
        expect(await told(bytes, bytes, bytes, zeros), `${length}`).to.equal(undefined)
        for (const cut of [1, 2, 5, 13]) expect(await told(bytes, bytes.subarray(0, -cut)), `- ${cut}`).to.equal("cut")
        expect(await told(bytes, "B"), `${length}`).to.equal("cut")
        for (const more of ["Bzh", "something", `BZ${String(zeros)}`]) {
          expect(await told(bytes, more, bytes), `${length}`).to.equal("more")
        }
        expect(await told(bytes, zeros, bytes), `${length}`).to.equal("more")
      }
    }
  })

  it("is not where its mark stands by chance, in the middle of another stream", async () => {
    const mark = Buffer.from("177245385090", "hex")
    const bytes = bzip2Sync("text ".repeat(50))
    const [begin, end] = [bytes.subarray(0, 20), bytes.subarray(20)]
    for (let random = 0; random < 50; random++) {
      const held = Buffer.concat([begin, mark, randomBytes(4 + random), end])
      for (const size of [1, 7, 1000]) {
        expect(await faultOf(held, size)).to.equal(undefined)
        expect(await faultOf(Buffer.concat([held, bytes]), size)).to.equal(undefined)
        expect(await faultOf(held.subarray(0, -1), size)).to.equal("more")
      }
    }
  })

  it("is found without a program where none can be started, as where the account may have no more processes", async () => {
    const path = process.env["PATH"]
    const bytes = bzip2Sync("one\n")
    const folder = mkdtempSync(join(tmpdir(), "datamaestro-program-"))
    try {
      for (const program of ["bzip2", "lbzip2"]) symlinkSync(program, join(folder, program))
      process.env["PATH"] = folder
      expect(await plain(bytes)).to.equal("one\n")
    } finally {
      process.env["PATH"] = path
      rmSync(folder, { recursive: true })
    }
  })

  for (const program of ["bzip2", "lbzip2", undefined]) {
    describe(program === undefined ? "without a program" : `with ${program} alone`, () => {
      const path = process.env["PATH"]
      let folder: string
      before(function () {
        const found = spawnSync("sh", ["-c", `command -v ${program}`])
          .stdout.toString()
          .trim()
        if (program !== undefined && found === "" && process.env["CI"] === undefined) this.skip()
        folder = mkdtempSync(join(tmpdir(), "datamaestro-program-"))
        if (program !== undefined) symlinkSync(found, join(folder, program))
      })
      after(() => {
        if (folder !== undefined) rmSync(folder, { recursive: true })
      })
      afterEach(() => {
        process.env["PATH"] = path
      })

      it("tells what is cut from what has something behind it", async () => {
        const one = bzip2Sync("one\n")
        const two = bzip2Sync("two\n")
        process.env["PATH"] = folder
        expect(await plain(Buffer.concat([one, two]))).to.equal("one\ntwo\n")
        for (let end = one.length + 4; end < one.length + two.length; end++) {
          const error = await failure(plain(Buffer.concat([one, two]).subarray(0, end)))
          expect(error.code, `${end} bytes`).to.equal("TRUNCATED")
        }
        expect(await plain(Buffer.concat([one, two, Buffer.alloc(10_240)]))).to.equal("one\ntwo\n")
        const damaged = Buffer.concat([one, Buffer.from("BYh9"), two.subarray(4), one])
        for (const bytes of [damaged, Buffer.concat([one, Buffer.alloc(10), two])]) {
          expect((await failure(plain(bytes))).code).to.equal("CORRUPT")
        }
        for (const behind of ["B", "BZh", "something else"]) {
          const error = await failure(plain(Buffer.concat([one, Buffer.from(behind)])))
          expect(error.code, behind).to.be.oneOf(["CORRUPT", "TRUNCATED"])
        }
      })
    })
  }
})
