import { expect } from "chai"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { endsBzip2 } from "../../../packages/agent/src/compression/bzip2-end.ts"
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

describe("the end of a bzip2 stream", () => {
  it("is known at whatever bit it is, and is none when bytes lack or follow", () => {
    for (let length = 0; length < 40; length++) {
      const bytes = bzip2Sync("text that has no end ".repeat(3).slice(0, length))
      expect(endsBzip2(bytes), `${length}`).to.equal(true)
      for (const cut of [1, 2, 5, 13]) expect(endsBzip2(bytes.subarray(0, -cut)), `${length} - ${cut}`).to.equal(false)
      expect(endsBzip2(Buffer.concat([bytes, Buffer.from("B")])), `${length} + 1`).to.equal(false)
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

  for (const program of ["bzip2", "lbzip2"]) {
    describe(`with ${program} alone`, () => {
      const path = process.env["PATH"]
      let folder: string
      before(function () {
        const found = spawnSync("sh", ["-c", `command -v ${program}`])
          .stdout.toString()
          .trim()
        if (found === "" && process.env["CI"] === undefined) this.skip()
        folder = mkdtempSync(join(tmpdir(), "datamaestro-program-"))
        symlinkSync(found, join(folder, program))
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
        for (const behind of ["B", "BZh", "something else"]) {
          const error = await failure(plain(Buffer.concat([one, Buffer.from(behind)])))
          expect(error.code, behind).to.be.oneOf(["CORRUPT", "TRUNCATED"])
        }
      })
    })
  }
})
