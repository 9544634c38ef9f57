import { DatamaestroError, LineDecoder, MAX_NOISE_BYTES } from "@datamaestro/protocol"
import { expect } from "chai"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe("LineDecoder", () => {
  const decode = (text: Uint8Array, size: number, magic?: string): { lines: string[]; noise: string } => {
    const lines: string[] = []
    const decoder = new LineDecoder({ onLine: (line) => lines.push(line), ...(magic === undefined ? {} : { magic }) })
    for (let at = 0; at < text.length; at += size) decoder.push(text.subarray(at, at + size))
    return { lines, noise: decoder.noise }
  }

  it("cuts lines wherever the chunks end, in the middle of a character too", () => {
    const text = bytes('{"a":"é🎉"}\n\n{"b":2}\r\n{"unfinished"')
    for (const size of [1, 2, 3, 5, 100]) {
      expect(decode(text, size).lines.map((line) => line.trim())).to.deep.equal(['{"a":"é🎉"}', '{"b":2}'])
    }
  })

  it("skips noise up to the magic line, also when an unfinished line stands right before it", () => {
    const text = bytes('Welcome!\n{"json":1}\nprompt> @@magic\nfirst\n@@magic\n')
    for (const size of [1, 4, 1000]) {
      const { lines, noise } = decode(text, size, "@@magic")
      expect(lines).to.deep.equal(["first", "@@magic"])
      expect(noise).to.equal('Welcome!\n{"json":1}\n')
    }
  })

  it("keeps only the end of much noise, with or without line ends", () => {
    const { noise } = decode(bytes(`${"x".repeat(100_000)}END`), 4096, "@@magic")
    expect(noise).to.have.length.at.most(MAX_NOISE_BYTES)
    expect(noise).to.match(/xEND$/)
  })

  it("refuses a line longer than allowed, before it has come whole", () => {
    const decoder = new LineDecoder({ onLine: () => {}, maxLineBytes: 1000 })
    decoder.push(bytes("x".repeat(1000)))
    expect(() => decoder.push(bytes("x")))
      .to.throw(DatamaestroError)
      .with.property("code", "PROTOCOL_MISMATCH")
  })
})
