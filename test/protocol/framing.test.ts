import { DatamaestroError, frames, LineDecoder, MAX_NOISE_BYTES } from "@datamaestro/protocol"
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

  describe("of bytes between the lines", () => {
    const sent = (stream: number, content: Uint8Array): Uint8Array[] =>
      [...frames(stream, content)].flatMap(({ header, piece }) => [bytes(header), piece])
    const received = (text: Uint8Array, size = text.length) => {
      const [lines, streams] = [[] as string[], new Map<number, Buffer>()]
      const onBytes = (stream: number, piece: Uint8Array): void =>
        void streams.set(stream, Buffer.concat([streams.get(stream) ?? Buffer.alloc(0), piece]))
      const decoder = new LineDecoder({ onLine: (line) => lines.push(line), onBytes })
      for (let at = 0; at < text.length; at += size) decoder.push(text.subarray(at, at + size))
      return { lines, streams: new Map([...streams].map(([stream, content]) => [stream, content.toString()])) }
    }

    it("takes them wherever the chunks end, and line ends among them for bytes", () => {
      const parts = [bytes("first\n"), ...sent(7, bytes('a\n#7 1\n{"b')), ...sent(8, bytes("c")), bytes("last\n")]
      for (const size of [1, 2, 5, 100]) {
        const { lines, streams } = received(Buffer.concat(parts), size)
        expect(lines).to.deep.equal(["first", "last"])
        expect([...streams]).to.deep.equal([
          [7, 'a\n#7 1\n{"b'],
          [8, "c"],
        ])
      }
    })

    it("cuts many into several frames", () => {
      const content = Buffer.alloc(2_500_000, "0123456789")
      const parts = sent(1, content)
      expect(parts).to.have.length(6)
      expect(received(Buffer.concat(parts)).streams.get(1)).to.equal(content.toString())
    })

    it("sends none where there are none, and takes an announcement of none", () => {
      expect(sent(1, bytes(""))).to.deep.equal([])
      expect(received(bytes("#1 0\nnext\n"))).to.deep.equal({ lines: ["next"], streams: new Map() })
    })

    it("takes for a line what announces more than a frame has", () => {
      expect(received(bytes("#1 1048577\n#1 x\n")).lines).to.deep.equal(["#1 1048577", "#1 x"])
    })
  })
})
