import { expect } from "chai"
import { ByteRanges } from "../../../packages/agent/src/store/byte-ranges.ts"

describe("byte ranges", () => {
  it("are what a plain set of bytes says, in any order", () => {
    const random = (below: number): number => Math.floor(Math.random() * below)
    for (let round = 0; round < 300; round++) {
      const ranges = new ByteRanges()
      const bytes = new Set<number>()
      for (let step = 0; step < 20; step++) {
        const start = random(60)
        const end = start + random(12)
        if (random(8) === 0) {
          ranges.cut(start)
          for (const byte of bytes) if (byte >= start) bytes.delete(byte)
        } else {
          ranges.add(start, end)
          for (let byte = start; byte < end; byte++) bytes.add(byte)
        }
        const listed = ranges.toArray().flatMap(([from, to]) => Array.from({ length: to - from }, (_, at) => from + at))
        expect(listed).to.deep.equal([...bytes].sort((a, b) => a - b))
        const missing = ranges.gaps(70).flatMap(([from, to]) => Array.from({ length: to - from }, (_, at) => from + at))
        expect(missing).to.deep.equal(Array.from({ length: 70 }, (_, at) => at).filter((byte) => !bytes.has(byte)))
        expect(ranges.total).to.equal(bytes.size)
        expect(ranges.end).to.equal(bytes.size === 0 ? 0 : Math.max(...bytes) + 1)
        const gap = missing[0] ?? 70
        expect(ranges.prefix).to.equal(gap)
      }
      for (const [index, [start]] of ranges.toArray().entries()) {
        if (index > 0) expect(start).to.be.greaterThan(ranges.toArray()[index - 1]?.[1] ?? 0)
      }
    }
  })
})
