import { jsonLines, keepLines, replaceInLines, decompress, type Transform } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { gzipSync } from "node:zlib"
import { applyTransforms } from "../../../packages/agent/src/transform/apply-transforms.ts"

/** The bytes cut into pieces of a size. */
async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size))
  await Promise.resolve()
}

async function apply(transforms: Transform[], input: string | Buffer, size = 7): Promise<Buffer> {
  const signal = new AbortController().signal
  const parts: Buffer[] = []
  const source = pieces(Buffer.from(input), size)
  for await (const part of applyTransforms(transforms, source, { name: "thing", signal })) parts.push(Buffer.from(part))
  return Buffer.concat(parts)
}

async function fault(transforms: Transform[], input: string): Promise<string> {
  try {
    await apply(transforms, input)
  } catch (error) {
    if (error instanceof DatamaestroError) return `${error.code}: ${error.message}`
    throw error
  }
  throw new Error("nothing was thrown")
}

const SIZES = [1, 2, 3, 5, 64, 1 << 20]

describe("line transforms", () => {
  it("replace in each line, line ends as they were, wherever the pieces are cut", async () => {
    const topics = "<num> Number:  051\r\n<num> Number: 012 Number: 07\n\nlast Number: 09"
    const wanted = "<num> Number: 51\r\n<num> Number: 12 Number: 7\n\nlast Number: 9"
    for (const size of SIZES) {
      const result = await apply([replaceInLines(/Number:(\s+)0/, "Number: ")], topics, size)
      expect(result.toString()).to.equal(wanted)
    }
    const kept = await apply([replaceInLines(/(a)(b)/, "$2$1")], "ab\nxaby")
    expect(kept.toString()).to.equal("ba\nxbay")
  })

  it("keep the lines that match", async () => {
    const qrels = "99 0 a 1\n151 0 a 1\n200 0 b 0\n201 0 c 1\n"
    for (const size of SIZES) {
      expect((await apply([keepLines(/^(1\d\d|200)\s/)], qrels, size)).toString()).to.equal("151 0 a 1\n200 0 b 0\n")
    }
    expect((await apply([keepLines(/x/)], "")).length).to.equal(0)
  })

  it("leave bytes that are no UTF-8 as they are, and read those that are", async () => {
    const bytes = Buffer.concat([Buffer.from("caf\xe9 a\n", "latin1"), Buffer.from("café a\n")])
    expect(await apply([replaceInLines(/é a/, "é b")], bytes, 3)).to.deep.equal(
      Buffer.concat([Buffer.from("caf\xe9 b\n", "latin1"), Buffer.from("café b\n")]),
    )
  })

  it("follow each other, after decompressing whatever it is", async () => {
    const steps = [decompress(), keepLines(/b/), replaceInLines(/b/, "c")]
    expect((await apply(steps, gzipSync("a\nab\n"))).toString()).to.equal("ac\n")
    expect((await apply(steps, "a\nab\n")).toString()).to.equal("ac\n")
  })
})

describe("JSON arrays as lines", () => {
  const elements = [
    { a: '], \\" [{', b: [1, 2.5, -3e-7, null, true] },
    "text, with a comma]",
    17,
    [],
    {},
    [[["é\u2028"]], { "{": "}" }],
  ]

  it("have each element in a line, wherever the pieces are cut and however it is indented", async () => {
    for (const text of [JSON.stringify(elements), `\ufeff  ${JSON.stringify(elements, null, 4)}\r\n`]) {
      for (const size of text.startsWith("\ufeff") ? SIZES.slice(2) : SIZES) {
        const lines = (await apply([jsonLines()], text, size)).toString().split("\n")
        expect(lines.pop()).to.equal("")
        expect(lines.map((line) => JSON.parse(line) as unknown)).to.deep.equal(elements)
      }
    }
    expect((await apply([jsonLines()], " [ ] ")).toString()).to.equal("")
  })

  it("keep numbers as they were written", async () => {
    expect((await apply([jsonLines()], "[12345678901234567890, 1.0]")).toString()).to.equal(
      "12345678901234567890\n1.0\n",
    )
  })

  it("are passed on as they come, also an element that is larger than memory should be", async () => {
    let most = 0
    let out = 0
    async function* endless(): AsyncGenerator<Buffer> {
      const megabyte = Buffer.alloc(1 << 20, "x")
      yield Buffer.from('["')
      for (let count = 0; count < 300; count++) {
        yield megabyte
        most = Math.max(most, process.memoryUsage().arrayBuffers)
      }
      yield Buffer.from('"]')
      await Promise.resolve()
    }
    const before = process.memoryUsage().arrayBuffers
    const { signal } = new AbortController()
    for await (const part of applyTransforms([jsonLines()], endless(), { name: "thing", signal })) out += part.length
    expect(out).to.equal(300 * (1 << 20) + 3)
    expect(most - before).to.be.below(150 * (1 << 20))
  })

  const wrong: [string, RegExp][] = [
    ["", /^TRUNCATED/],
    ['[1, {"a": ', /^TRUNCATED/],
    ['{"a": 1}', /^CORRUPT.*no JSON array/],
    ["<!DOCTYPE html>", /^CORRUPT.*no JSON array/],
    ["[1,, 2]", /^CORRUPT.*missing/],
    ["[1,]", /^CORRUPT.*missing/],
    ["[,1]", /^CORRUPT.*missing/],
    ["[1 2]", /^CORRUPT.*element 0 is no JSON/],
    ["[{]]", /^CORRUPT.*brackets/],
    ["[1] [2]", /^CORRUPT.*follows/],
    ["[[] []]", /^CORRUPT.*element 0 is no JSON/],
    ["[nul]", /^CORRUPT.*element 0/],
    [`[${"[".repeat(2000)}`, /^CORRUPT.*deeply/],
  ]
  for (const [text, reason] of wrong) {
    it(`refuse ${JSON.stringify(text.slice(0, 20))}`, async () => {
      expect(await fault([jsonLines()], text)).to.match(reason)
    })
  }
})
