import { expect } from "chai"
import { Places } from "../../../packages/agent/src/store/places.ts"

describe("who has which places below a folder", () => {
  it("knows who has a place, something in it, or what it is in", () => {
    const places = new Places()
    places.set("one", ["a/b", "c"])
    places.set("two", ["d"])
    for (const taken of ["a", "a/b", "a/b/c", "c", "c/x/y"]) expect(places.takenBy("two", taken)).to.equal("one")
    for (const free of ["a/c", "ab", "a/bc", "b", "e"]) expect(places.takenBy("two", free)).to.equal(undefined)
    expect(places.takenBy("one", "a/b")).to.equal(undefined)
    expect(places.takenBy("one", "d")).to.equal("two")
  })

  it("forgets what somebody has no more, and only that", () => {
    const places = new Places()
    places.set("one", ["a/b", "a/c"])
    places.set("two", ["a/b"])
    places.set("one", ["a/c"])
    expect(places.takenBy("one", "a/b")).to.equal("two")
    places.set("two", [])
    expect(places.takenBy("one", "a")).to.equal(undefined)
    expect(places.takenBy("three", "a/b")).to.equal(undefined)
    expect(places.takenBy("three", "a")).to.equal("one")
  })

  it("answers as comparing with each place does", () => {
    const names = ["a", "b", "c"]
    const all = names.flatMap((one) => [
      one,
      ...names.flatMap((two) => [`${one}/${two}`, ...names.map((three) => `${one}/${two}/${three}`)]),
    ])
    const places = new Places()
    const of = new Map<string, string[]>()
    for (let round = 0; round < 300; round++) {
      const owner = `owner${round % 7}`
      const own = [0, 1].map((index) => all[(round * 31 + index * 17 + (round >> 3)) % all.length] ?? "")
      places.set(owner, own)
      of.set(owner, own)
      const place = all[(round * 13) % all.length] ?? ""
      const holders = [...of].flatMap(([name, theirs]) =>
        name !== owner && theirs.some((at) => at === place || at.startsWith(`${place}/`) || place.startsWith(`${at}/`))
          ? [name]
          : [],
      )
      const taken = places.takenBy(owner, place)
      if (holders.length === 0) expect(taken).to.equal(undefined)
      else expect(holders).to.include(taken)
    }
  })
})
