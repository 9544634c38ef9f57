import { expect } from "chai"
import { Pieces } from "../../../packages/agent/src/fetch/pieces.ts"
import type { Span } from "../../../packages/agent/src/fetch/span.ts"
import { ByteRanges } from "../../../packages/agent/src/store/byte-ranges.ts"

describe("the pieces of a download", () => {
  const there = (...ranges: [number, number][]) => new ByteRanges(ranges)
  const shown = (span: Span | undefined): unknown => span && [span.position, span.end, span.stop]

  it("are what lacks, in order, and each is somebody's", () => {
    const pieces = new Pieces(there([0, 10], [50, 60]), 100, 30)
    expect([1, 2, 3, 4, 5].map(() => shown(pieces.next()))).to.deep.equal([
      [10, 40, 40],
      [40, 50, 50],
      [60, 90, 90],
      [90, 100, 100],
      undefined,
    ])
  })

  it("leave to a connection that is on its way all up to what is there", () => {
    const pieces = new Pieces(there([50, 60]), 100, 30)
    expect(shown(pieces.adopt(0, 100))).to.deep.equal([0, 100, 50])
    expect(shown(pieces.next())).to.deep.equal([60, 90, 90])
  })

  it("are taken from a connection beyond the one that it is at", () => {
    const pieces = new Pieces(there(), 100, 30)
    const first = pieces.adopt(0, 100)
    first.position = 20
    pieces.shorten(first)
    expect(first.stop).to.equal(50)
    expect(shown(pieces.next())).to.deep.equal([50, 80, 80])
  })

  it("begin with the end of the file where that is wanted, once", () => {
    const pieces = new Pieces(there(), 100, 30)
    const first = pieces.adopt(0, 100)
    expect(shown(pieces.takeEnd(90))).to.deep.equal([90, 100, 100])
    expect(first.stop).to.equal(90)
    expect(pieces.takeEnd(90)).to.equal(undefined)
    expect(new Pieces(there([80, 100]), 100, 30).takeEnd(90)).to.equal(undefined)
  })

  it("are free again where nothing came of them, for the connection that would have come there", () => {
    const pieces = new Pieces(there(), 100, 30)
    const first = pieces.adopt(0, 100)
    const end = pieces.takeEnd(90)
    if (end === undefined) throw new Error("there is no end")
    pieces.release(end)
    expect(first.stop).to.equal(100)
  })

  it("are free again with all behind them that nobody has", () => {
    const pieces = new Pieces(there(), 200, 30)
    const first = pieces.adopt(0, 200)
    pieces.shorten(first)
    const spans = [pieces.next(), pieces.next(), pieces.next()]
    expect(spans.map(shown)).to.deep.equal([
      [30, 60, 60],
      [60, 90, 90],
      [90, 120, 120],
    ])
    for (const index of [1, 0]) pieces.release(spans[index] as Span)
    expect(first.stop).to.equal(90)
    pieces.release(spans[2] as Span)
    expect(first.stop).to.equal(200)
  })

  it("stay with others where something came of them, or the connection that came there can't go on", () => {
    const pieces = new Pieces(there(), 100, 30)
    const first = pieces.adopt(0, 100)
    const end = pieces.takeEnd(90)
    if (end === undefined) throw new Error("there is no end")
    end.position = 95
    pieces.release(end)
    expect(first.stop).to.equal(90)
    const [one, two] = [pieces, pieces].map((each) => each.next())
    expect([shown(one), two]).to.deep.equal([[90, 100, 100], undefined])
  })
})
