import { expect } from "chai"
import { execaSync } from "execa"
import { spawnSync } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { DatamaestroError } from "@datamaestro/protocol"
import { decompress } from "../../../packages/agent/src/compression/decompress.ts"
import { failure } from "../../fixtures/extraction.ts"
import { withoutPrograms } from "../../helpers/hidden-programs.ts"

const text = Buffer.from(Array.from({ length: 10_000 }, (_, line) => `line ${line} of ${line * 7919}\n`).join(""))
const contents = {
  text,
  nothing: Buffer.alloc(0),
  "one byte": Buffer.from("x"),
  "runs of all lengths": Buffer.concat(
    Array.from({ length: 600 }, (_, length) => Buffer.alloc(length, 97 + (length % 3))),
  ),
  "zeros, more than a block": Buffer.alloc(5_000_000),
  "what repeats far behind": Buffer.concat([text, randomBytes(300_000), text]),
  "random bytes, more than a block": randomBytes(950_000),
}

const formats = [
  { name: "bzip2", programs: [["bzip2"], ["bzip2", "-1"]] },
  {
    name: "xz",
    programs: [
      ["xz", "-1"],
      ["xz", "-6"],
      ["xz", "--check=none"],
    ],
  },
  {
    name: "zstd",
    programs: [
      ["zstd", "-q"],
      ["zstd", "-q", "-19"],
      ["zstd", "-q", "--no-check"],
      ["zstd", "-q", "--long=27"],
    ],
  },
]

/** Made by the programs of "one\ntwo\nthree\nthree\nthree\n". */
const programsOnly = {
  compress: { program: "gzip", bytes: "H52Qb9yUUUDnzhuCaOSUGUgn4UKECgcC" },
  lz4: { program: "lz4", bytes: "BCJNGGRApxYAAADUb25lCnR3bwp0aHJlZQYAUGhyZWUKAAAAAKykcQY=" },
  lzip: { program: "lzip", bytes: "TFpJUAEMADebiMz2xmAzxUeR+aWW1/Rgw///8XugABoNeDcaAAAAAAAAADMAAAAAAAAA" },
  lzop: {
    program: "lzop",
    bytes:
      "iUxaTwANChoKEEAgoAlAAQUDAAANAACBpGsKQM0AAAAAADXwBBcAAAAaAAAAGn2mCRdvbmUKdHdvCnRocmVlCnRocmVlCnRocmVlCgAAAAA=",
  },
}

/** Of `contents`, which several tests read: some take a program a second. */
const kept = new Map<string, Buffer>()

function packedOnce(program: readonly string[], what: keyof typeof contents): Buffer {
  const key = [...program, what].join(" ")
  const bytes = kept.get(key) ?? packed(program, contents[what])
  kept.set(key, bytes)
  return bytes
}

function packed([program = "", ...options]: readonly string[], content: Uint8Array): Buffer {
  const { stdout } = execaSync(program, [...options, "-c"], {
    input: content,
    encoding: "buffer",
    stripFinalNewline: false,
    maxBuffer: 1e9,
  })
  return Buffer.from(stdout)
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function plain(bytes: Buffer, size = 50_000): Promise<Buffer> {
  const chunks: Buffer[] = []
  const options = { archive: "thing", signal: new AbortController().signal }
  for await (const chunk of decompress(inPieces(bytes, size), options)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A bzip2 block whose symbols are nothing but RUNA, which doubles each time. */
function endlessRun(): Buffer {
  const bits = (value: number, count: number): string => value.toString(2).padStart(count, "0")
  const block = [bits(0x314159, 24), bits(0x265359, 24), bits(0, 32), "0", bits(0, 24)]
  // One byte occurs; two tables, of which the first codes three symbols: RUNA "0", RUNB "10", end "11".
  const alphabet = [bits(0x8000, 16), bits(0x8000, 16)]
  const table = `${bits(1, 5)}01000`
  const tables = [bits(2, 3), bits(3, 15), "000", table, table]
  const all = [...block, ...alphabet, ...tables, "0".repeat(150)].join("")
  const bytes = all.padEnd(Math.ceil(all.length / 8) * 8, "0").match(/.{8}/g) ?? []
  return Buffer.concat([Buffer.from("BZh9"), Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)))])
}

function sumOf(bytes: Uint8Array): string {
  return `${bytes.length} bytes, ${createHash("sha256").update(bytes).digest("hex")}`
}

describe("decompressing", function () {
  this.timeout(60_000)
  for (const { name, programs } of formats) {
    const first = programs[0] ?? []
    const ways = [
      { way: `${name} without the program`, run: withoutPrograms },
      { way: `${name} with the program`, run: async <T>(work: () => Promise<T>): Promise<T> => await work() },
    ]
    for (const { way, run } of ways) {
      describe(way, () => {
        for (const what of Object.keys(contents) as (keyof typeof contents)[]) {
          it(`gives ${what} back`, async () => {
            for (const program of programs) {
              const bytes = packedOnce(program, what)
              expect(sumOf(await run(() => plain(bytes))), program.join(" ")).to.equal(sumOf(contents[what]))
            }
          })
        }

        if (name === "zstd") {
          it("reads what begins with a frame to be skipped, as pzstd writes it", async () => {
            const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7])
            const frame = packed(first, text)
            const bytes = Buffer.concat([skipped, frame, skipped, frame])
            expect(sumOf(await run(() => plain(bytes)))).to.equal(sumOf(Buffer.concat([text, text])))
          })
        }

        it("reads byte by byte", async () => {
          const content = text.subarray(0, 3000)
          const bytes = packed(first, content)
          expect((await run(() => plain(bytes, 1))).equals(content)).to.equal(true)
        })

        it("reads all streams of a file", async () => {
          const parts = ["one\n", "", "two\n"].map((part) => packed(first, Buffer.from(part)))
          const many = Array.from({ length: 100 }, () => parts).flat()
          expect((await run(() => plain(Buffer.concat(many)))).toString()).to.equal("one\ntwo\n".repeat(100))
        })

        it("says that bytes are missing", async () => {
          const bytes = packed(first, text)
          for (const end of [7, 100, bytes.length >> 1, bytes.length - 1]) {
            const error = await failure(run(() => plain(bytes.subarray(0, end))))
            expect(error.code, `${end} of ${bytes.length}`).to.equal("TRUNCATED")
          }
          const second = Buffer.concat([bytes, bytes.subarray(0, bytes.length - 1)])
          expect((await failure(run(() => plain(second)))).code).to.equal("TRUNCATED")
        })

        it("says that bytes are wrong", async () => {
          const bytes = packed(first, randomBytes(300_000))
          bytes[bytes.length >> 1] = 255 - (bytes[bytes.length >> 1] ?? 0)
          const error = await failure(run(() => plain(bytes)))
          expect(error.code).to.equal("CORRUPT")
          expect(error.message).to.contain('"thing"')
        })

        it("says that there is something else at the end", async () => {
          const one = packed(first, text)
          const other = Buffer.from("something else, and long enough")
          for (const bytes of [Buffer.concat([one, other]), Buffer.concat([one, other, one])]) {
            expect((await failure(run(() => plain(bytes)))).code).to.equal("CORRUPT")
          }
        })
      })
    }

    it(`notices a cut of ${name} at every position, without the program`, async () => {
      const content = text.subarray(0, 100)
      const bytes = packed(programs.at(1) ?? first, content)
      await withoutPrograms(async () => {
        for (let end = 6; end < bytes.length; end++) {
          expect((await failure(plain(bytes.subarray(0, end)))).code, `at ${end}`).to.equal("TRUNCATED")
        }
      })
    })

    it(`never takes a flipped bit of ${name} for the content, without the program`, async () => {
      const content = text.subarray(0, 60)
      const bytes = packed(programs.at(1) ?? first, content)
      await withoutPrograms(async () => {
        for (let bit = 0; bit < bytes.length * 8; bit += 3) {
          const flipped = Buffer.from(bytes)
          flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
          // Without its magic number it is some plain file.
          const result = await plain(flipped).catch((error: unknown) => error)
          if (Buffer.isBuffer(result)) {
            if (!result.equals(content)) expect(result.equals(flipped), `bit ${bit}`).to.equal(true)
          } else {
            expect(result, `bit ${bit}`).to.be.instanceOf(DatamaestroError)
            const { code } = result as DatamaestroError
            expect(code, `bit ${bit}`).to.be.oneOf(["CORRUPT", "TRUNCATED", "UNSUPPORTED_FORMAT"])
          }
        }
      })
    })
  }

  it("names the program that could read what is beyond it", async () => {
    const sha256 = packed(["xz", "--check=sha256"], text)
    const filtered = packed(["xz", "--x86", "--lzma2"], text)
    const wideXz = packed(["xz", "--lzma2=dict=128MiB"], text)
    const wideZstd = packed(["zstd", "-q", "--long=28"], text)
    for (const bytes of [sha256, filtered, wideXz, wideZstd]) {
      expect((await plain(bytes)).equals(text)).to.equal(true)
      const error = await failure(withoutPrograms(() => plain(bytes)))
      expect(error.code).to.equal("UNSUPPORTED_FORMAT")
      expect(error.hint).to.match(/^install (xz|zstd) on the data machine/)
    }
  })

  it("reads xz by itself where the machine's xz is another, as BusyBox's", async () => {
    const bytes = packed(["xz"], text)
    await withoutPrograms(async () => {
      const path = join(process.env["PATH"] ?? "", "xz")
      writeFileSync(path, `#!/bin/sh\necho "xz: unrecognized option '--threads=0'" >&2\nexit 1\n`, { mode: 0o700 })
      expect((await plain(bytes)).equals(text)).to.equal(true)
    })
  })

  it("tells that something else may follow gzip, where it is no zeros", async () => {
    const one = gzipSync("one\n")
    expect((await plain(Buffer.concat([one, Buffer.alloc(1000)]))).toString()).to.equal("one\n")
    const error = await failure(plain(Buffer.concat([one, Buffer.from("something else")])))
    expect([error.code, error.message]).to.deep.equal([
      "CORRUPT",
      'Cannot extract "thing": the compressed data is damaged, or something else follows it (incorrect header check)',
    ])
  })

  for (const [format, { program, bytes: packedBytes }] of Object.entries(programsOnly)) {
    const bytes = Buffer.from(packedBytes, "base64")
    it(`leaves ${format} to the program, and is told which where it is not there`, async () => {
      const error = await failure(withoutPrograms(() => plain(bytes)))
      expect(error.code).to.equal("UNSUPPORTED_FORMAT")
      expect(error.message).to.contain(`it is compressed with ${format}`)
      expect(error.hint).to.match(new RegExp(`^install ${program} on the data machine`))
    })

    it(`unpacks ${format} by the program where it is there`, async function () {
      if (spawnSync(program, ["--version"]).error !== undefined) return this.skip()
      expect((await plain(bytes)).toString()).to.equal("one\ntwo\nthree\nthree\nthree\n")
      // Of compress nobody can tell: its format has no sum and no end.
      if (format === "compress") return
      expect((await failure(plain(bytes.subarray(0, -9)))).code).to.be.oneOf(["TRUNCATED", "CORRUPT"])
      expect((await failure(plain(Buffer.concat([bytes, Buffer.from("more")])))).code).to.equal("CORRUPT")
    })
  }

  it("gives a bzip2 block that is 50 times its size back in pieces", async () => {
    const zeros = Buffer.alloc(60_000_000)
    const bytes = packed(["bzip2"], zeros)
    expect(sumOf(await withoutPrograms(() => plain(bytes)))).to.equal(sumOf(zeros))
  })

  it("ends at a bzip2 run without end", async () => {
    // Symbols of a block: 100 times RUNA, each the double of the one before.
    const error = await failure(withoutPrograms(() => plain(endlessRun())))
    expect(error.code).to.equal("CORRUPT")
    expect(error.message).to.contain("run")
  })

  it("stops when it is told to", async () => {
    for (const { programs } of formats) {
      const bytes = packed(programs[0] ?? [], Buffer.concat(Array.from({ length: 4 }, () => randomBytes(500_000))))
      const stop = new AbortController()
      const reading = withoutPrograms(async () => {
        for await (const chunk of decompress(inPieces(bytes, 50_000), { archive: "thing", signal: stop.signal })) {
          if (chunk.length > 0) stop.abort()
        }
      })
      const error = await reading.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(error).to.have.property("name", "AbortError")
    }
  })
})
