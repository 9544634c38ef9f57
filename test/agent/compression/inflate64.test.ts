import { expect } from "chai"
import { randomBytes } from "node:crypto"
import { deflateRawSync } from "node:zlib"
import { DatamaestroError } from "@datamaestro/protocol"
import { inflate64Bytes } from "../../../packages/agent/src/compression/inflate64.ts"
import { failure } from "../../fixtures/extraction.ts"

/** A length from which on deflate has no symbol, and the farthest distance: 65538 - 1 = 65535 more than 3, and 65536. */
const LONG = { symbol: 285, extra: 16 }
const FAR = { symbol: 31, extra: 14 }

/** Bits as deflate has them: codes from their highest bit on, numbers from their lowest. */
class Bits {
  #text = ""
  number(value: number, count: number): this {
    this.#text += value.toString(2).padStart(count, "0").split("").toReversed().join("").slice(0, count)
    return this
  }
  code(value: number, count: number): this {
    this.#text += value.toString(2).padStart(count, "0")
    return this
  }
  literals(text: string): this {
    for (const byte of Buffer.from(text)) this.code(0x30 + byte, 8)
    return this
  }
  long(length: number, distance: { symbol: number; extra: number; bits: number }): this {
    this.code(0xc0 + LONG.symbol - 280, 8).number(length - 3, LONG.extra)
    return this.code(distance.symbol, 5).number(distance.extra, distance.bits)
  }
  bytes(): Buffer {
    const octets = this.#text.match(/.{1,8}/g) ?? []
    return Buffer.from(octets.map((octet) => parseInt(octet.split("").toReversed().join(""), 2)))
  }
}

// What `7z a -tzip -mm=Deflate64 -mx=9` makes of it.
const lines = Buffer.from(Array.from({ length: 40 }, (_, line) => `line ${line * line} of a text\n`).join(""))
const ofLines = Buffer.from(
  "bZKxDcMwDAT7TKERLOpJk+OkcIAAQdK4yPgG3Fnn9vB6HkR+3t+tLe33as+2b//9cYI+A82g8CRmYj6TgYzQExiVsOkLjY0piZL0LorT3JypRNcwAQX/kvYSU4kutwJa4RW0D6ZWKyBOTHoV7StuNmQiywLrHmBmTlbMjWCfJDC/3MYB",
  "base64",
)
const nearest = { symbol: 0, extra: 0, bits: 0 }
const farthest = { symbol: FAR.symbol, extra: 2 ** FAR.extra - 1, bits: FAR.extra }
/** As unzip and 7-Zip read it: a block of 65536 bytes and more, and their beginning again. */
const ofLong = new Bits()
  .number(1 | (1 << 1), 3)
  .literals("ABCDEFGHz")
  .long(65_538, nearest)
  .long(65_527, nearest)
  .long(65_538, farthest)
  .code(0, 7)
  .bytes()

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function plain(bytes: Buffer, size = 50_000): Promise<Buffer> {
  const chunks: Buffer[] = []
  const options = { archive: "thing.zip", signal: new AbortController().signal }
  for await (const chunk of inflate64Bytes(inPieces(bytes, size), options)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

describe("Deflate64", () => {
  it("is what other programs make of text, however it comes", async () => {
    for (const size of [1, 7, 50_000]) expect((await plain(ofLines, size)).equals(lines)).to.equal(true)
  })

  it("has matches of 65538 bytes, and such that lie 65536 bytes behind", async () => {
    const head = Buffer.from("ABCDEFGHz")
    const before = Buffer.concat([head, Buffer.alloc(65_538 + 65_527, "z")])
    const again = before.subarray(-65_536)
    const whole = Buffer.concat([before, again, again.subarray(0, 2)])
    for (const size of [1, 50_000]) expect((await plain(ofLong, size)).equals(whole)).to.equal(true)
  })

  it("has blocks that are stored or have a code of their own as deflate does, longer than any memory of it", async () => {
    // A deflated stream without a match of 258 bytes, whose symbol means something else, is both.
    const words = Array.from({ length: 300_000 }, (_, word) => (word * 2_654_435_761) % 2 ** 32).join(" ")
    for (const content of [randomBytes(3_000_000), Buffer.from(words)]) {
      expect((await plain(deflateRawSync(content), 70_000)).equals(content)).to.equal(true)
    }
  })

  it("notices a cut at every position", async () => {
    for (const bytes of [ofLines, ofLong, deflateRawSync(randomBytes(300))]) {
      for (let length = 0; length < bytes.length; length++) {
        expect((await failure(plain(bytes.subarray(0, length)))).code, String(length)).to.equal("TRUNCATED")
      }
    }
  })

  it("ends as something or with an error of the archive for a flipped bit anywhere", async () => {
    for (const bytes of [ofLines, ofLong, deflateRawSync(randomBytes(300))]) {
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Buffer.from(bytes)
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const error = await plain(flipped).then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
        if (error === undefined) continue
        expect(error, String(bit)).to.be.instanceOf(DatamaestroError)
        expect((error as DatamaestroError).code).to.be.oneOf(["CORRUPT", "TRUNCATED"])
      }
    }
  })

  it("is stopped", async () => {
    const stop = new AbortController()
    stop.abort(new Error("enough"))
    const options = { archive: "thing.zip", signal: stop.signal }
    const ended = inflate64Bytes(inPieces(ofLines, 10), options).next().catch(String)
    expect(await ended).to.equal("Error: enough")
  })
})
