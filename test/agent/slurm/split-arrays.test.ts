import { expect } from "chai"
import { splitArrays } from "../../../packages/agent/src/slurm/split-arrays.ts"

describe("jobs that are more than an array may have", () => {
  const split = (helpers: readonly number[], most: number): number[][] =>
    splitArrays(
      helpers.map((count) => ({ helpers: count })),
      most,
    ).map((array) => array.map((part) => part.helpers))

  it("become several, in their order", () => {
    expect(split([0, 0, 0, 0, 0], 4)).to.deep.equal([[0, 0, 0, 0], [0]])
    expect(split([0, 0, 0, 0], 4)).to.deep.equal([[0, 0, 0, 0]])
    expect(split([0, 0], 1)).to.deep.equal([[0], [0]])
    expect(split([3, 0, 7], Number.POSITIVE_INFINITY)).to.deep.equal([[3, 0, 7]])
    expect(split([], 4)).to.deep.equal([])
  })

  it("keep their helpers with them, as many as there is room for", () => {
    expect(split([1, 2, 0], 4)).to.deep.equal([[1], [2, 0]])
    expect(split([9, 0], 4)).to.deep.equal([[3], [0]])
    expect(split([9], 1)).to.deep.equal([[0]])
  })
})
