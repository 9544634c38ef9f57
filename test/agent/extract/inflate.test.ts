import { randomBytes } from "node:crypto"
import { constants, deflateRawSync, inflateRawSync } from "node:zlib"
import { expect } from "chai"
import { inflate } from "../../../packages/agent/src/extract/inflate.ts"

describe("inflate", () => {
  /** What it gives or throws, beside what Node's own call does. */
  const outcome = (call: () => Buffer): unknown => {
    try {
      return Buffer.from(call()).toString("hex")
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      return { code, message }
    }
  }
  const ours = (packed: Buffer, size: number): unknown => outcome(() => inflate(packed, size))
  const nodes = (packed: Buffer, size: number): unknown =>
    outcome(() => inflateRawSync(packed, { maxOutputLength: size + 1 }))

  const texts = [0, 1, 3, 1000, 20_000, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, 2_000_000].flatMap((length) => [
    randomBytes(length),
    Buffer.alloc(length, "word "),
  ])

  it("gives what was deflated, whatever came before, also what follows something else", () => {
    for (const text of texts) {
      for (const strategy of [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED]) {
        const packed = deflateRawSync(text, { strategy })
        expect(inflate(packed, text.length).equals(text)).to.equal(true)
        expect(inflate(Buffer.concat([packed, Buffer.from("more")]), text.length).equals(text)).to.equal(true)
      }
    }
  })

  it("gives one byte too many of a longer content, and goes on with the next one", () => {
    const text = randomBytes(5000)
    const packed = deflateRawSync(text)
    expect(inflate(packed, 4000).length).to.equal(4001)
    expect(inflate(packed, 0).length).to.equal(1)
    expect(inflate(packed, 6000).equals(text)).to.equal(true)
  })

  it("has memory that it uses again for what is small, and for that alone", () => {
    const memoryOf = (length: number): ArrayBufferLike => inflate(deflateRawSync(Buffer.alloc(length)), length).buffer
    expect(memoryOf(100)).to.equal(memoryOf(256 * 1024))
    expect(memoryOf(256 * 1024 + 1)).to.not.equal(memoryOf(256 * 1024 + 1))
  })

  it("refuses each cut and damage as Node does", () => {
    const text = Buffer.from("deflated in a block with codes of its own, some longer than others, ".repeat(4))
    const packed = deflateRawSync(text)
    let tooLong = 0
    for (let at = 0; at < packed.length; at++) {
      expect(ours(packed.subarray(0, at), text.length)).to.deep.equal(nodes(packed.subarray(0, at), text.length))
      for (let bit = 0; bit < 8; bit++) {
        const damaged = Buffer.from(packed)
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit)
        const [one, other] = [ours(damaged, text.length), nodes(damaged, text.length)]
        // Of a longer content Node tells that it is, or what is wrong behind what was wanted.
        if (typeof one === "string" && one.length / 2 > text.length && typeof other !== "string") tooLong++
        else expect(one).to.deep.equal(other)
      }
    }
    expect(tooLong).to.be.within(1, packed.length * 4)
    expect(inflate(packed, text.length).equals(text)).to.equal(true)
  })
})
