import { expect } from "chai"
import { runInNewContext } from "node:vm"
import { Selection } from "../../../packages/agent/src/extract/selection.ts"

const wants = (glob: string, name: string): boolean => new Selection({ strip: 0, include: [glob] }).wants([name])

/** A match that does not end can't be interrupted otherwise, in milliseconds. */
const ENDLESS = 15_000

describe("published advisories of picomatch", () => {
  for (const glob of ["+(+(a|b))", "*(+(a))", "*(*(a|b))", "+(a|aa)"]) {
    it(`GHSA-c2c7-rcm5-vvqj: ${glob} comes to an end, whatever an archive calls its members`, function () {
      this.timeout(2 * ENDLESS)
      const ask = (): boolean => wants(glob, `${"a".repeat(60)}!`)
      expect(runInNewContext("ask()", { ask }, { timeout: ENDLESS })).to.equal(false)
    })
  }

  for (const method of ["constructor", "toString", "hasOwnProperty"]) {
    it(`GHSA-3v7f-55p6-f55p: [:${method}:] is no class of characters`, () => {
      expect(wants(`[[:${method}:]]`, "f }]")).to.equal(false)
      expect(wants("[[:alpha:]]*", "file")).to.equal(true)
    })
  }
})
