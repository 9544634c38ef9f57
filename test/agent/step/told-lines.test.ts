import { expect } from "chai"
import { ToldLines } from "../../../packages/agent/src/step/told-lines.ts"

describe("ToldLines", () => {
  const LINE = "x".repeat(999)
  const setUp = () => {
    const told: string[] = []
    const clock = { now: 5 }
    const lines = new ToldLines(
      (line) => told.push(line),
      () => clock.now,
    )
    const take = (count: number, from = 0): void => {
      for (let at = from; at < from + count; at++) lines.take(`${at} ${LINE}`.slice(0, 1000))
    }
    const begins = (): string[] => told.map((line) => (line.startsWith("(") ? line : (line.split(" ")[0] ?? "")))
    return { told, clock, lines, take, begins }
  }
  const numbers = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, at) => String(from + at))

  it("tells all up to a size, and nothing twice", () => {
    const { lines, take, begins } = setUp()
    take(1000)
    lines.end()
    expect(begins()).to.deep.equal(numbers(0, 1000))
  })

  it("tells of more the last lines, and how much is left out between", () => {
    const { lines, take, begins } = setUp()
    take(2000)
    expect(begins()).to.have.lengthOf(1000)
    lines.end()
    const left = "(980 lines of 981 kB left out: it has printed more than 1.0 MB)"
    expect(begins()).to.deep.equal([...numbers(0, 1000), left, ...numbers(1980, 2000)])
  })

  it("tells all where no more lines are held than it would tell", () => {
    const { lines, take, begins } = setUp()
    take(1020)
    lines.end()
    expect(begins()).to.deep.equal(numbers(0, 1020))
  })

  it("tells the newest line from time to time, so that one sees how far a long one is", () => {
    const { lines, clock, take, begins, told } = setUp()
    take(1000)
    told.length = 0
    take(3)
    clock.now += 10_000
    take(1, 3)
    take(1, 4)
    const first = ["(3 lines of 3.0 kB left out: it has printed more than 1.0 MB)", "3"]
    expect(begins()).to.deep.equal(first)
    clock.now += 9999
    take(1, 5)
    expect(begins()).to.deep.equal(first)
    lines.end()
    expect(begins()).to.deep.equal([...first, "4", "5"])
  })
})
