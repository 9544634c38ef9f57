import { expect } from "chai"
import { SpaceCheck } from "../../../packages/agent/src/fetch/space.ts"
import type { CachePart } from "../../../packages/agent/src/store/cache-part.ts"

const FREE = 100

/** One of which nothing has come yet. */
const partOf = (name: string): CachePart =>
  ({ path: `/cache/${name}.tmp`, written: 0, state: {}, space: () => Promise.resolve(FREE) }) as unknown as CachePart

describe("the space that downloads need together", () => {
  const outcomes = async (...sizes: number[]): Promise<string[]> => {
    const checks = sizes.map(() => new SpaceCheck(false))
    const results = await Promise.allSettled(checks.map((one, index) => one.require(partOf(`${index}`), sizes[index])))
    for (const check of checks) check.end()
    return results.map(({ status }) => status)
  }

  it("refuses the one that does not fit, and not those beside it that do", async () => {
    expect(await outcomes(FREE + 1, 1)).to.deep.equal(["rejected", "fulfilled"])
    expect(await outcomes(1, FREE + 1, 2)).to.deep.equal(["fulfilled", "rejected", "fulfilled"])
  })

  it("refuses the second of two that fit alone only", async () => {
    expect(await outcomes(60, 60)).to.deep.equal(["fulfilled", "rejected"])
    expect(await outcomes(60, 40)).to.deep.equal(["fulfilled", "fulfilled"])
  })
})
