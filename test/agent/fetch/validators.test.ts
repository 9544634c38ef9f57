import { expect } from "chai"
import { contentChanged, contentProven } from "../../../packages/agent/src/fetch/content-changed.ts"
import type { Transfer } from "../../../packages/agent/src/fetch/transfer-types.ts"
import { resumeValidator, sentRange, unsatisfiedTotal } from "../../../packages/agent/src/fetch/validators.ts"
import type { PartState } from "../../../packages/agent/src/store/cache-part.ts"

const [MONDAY, TUESDAY] = ["Mon, 05 Jan 2026 00:00:00 GMT", "Tue, 06 Jan 2026 00:00:00 GMT"]

describe("what a server says of its file", () => {
  it("proves by a strong ETag, or else by its time, that it is the same", () => {
    expect(resumeValidator({ etag: '"a"', lastModified: MONDAY })).to.equal('"a"')
    expect(resumeValidator({ etag: 'W/"a"', lastModified: MONDAY })).to.equal(MONDAY)
    expect(resumeValidator({ etag: 'W/"a"' })).to.equal(undefined)
  })

  it("is the range of a 206, unless that makes no sense or more comes with it", () => {
    const range = { "content-range": "bytes 10-19/100" }
    expect(sentRange(range)).to.deep.equal({ start: 10, end: 20, total: 100 })
    expect(sentRange({ ...range, "content-length": "10" })).to.deep.equal({ start: 10, end: 20, total: 100 })
    expect(sentRange({ "content-range": "bytes 10-19/*" })).to.deep.equal({ start: 10, end: 20, total: undefined })
    expect(sentRange({ ...range, "content-length": "100" })).to.equal(undefined)
    for (const wrong of ["bytes 19-10/100", "bytes 10-100/100", "bytes */100", "10-19/100", undefined]) {
      expect(sentRange({ "content-range": wrong }), wrong).to.equal(undefined)
    }
    expect(unsatisfiedTotal("bytes */100")).to.equal(100)
    expect(unsatisfiedTotal("bytes 10-19/100")).to.equal(undefined)
  })
})

describe("a part and what a server has by now", () => {
  const source = "https://example.org/a"
  const job = (state: PartState, declared = false): Pick<Transfer, "part" | "source" | "declared"> =>
    ({ part: { state: { source, ...state } }, source, declared }) as Pick<Transfer, "part" | "source" | "declared">

  it("are of two files where length, strong ETag or, without these, the time differ", () => {
    expect(contentChanged(job({ length: 10 }), {}, 11)).to.equal(true)
    expect(contentChanged(job({ length: 10 }), {}, 10)).to.equal(false)
    expect(contentChanged(job({ etag: '"a"' }), { etag: '"b"' }, undefined)).to.equal(true)
    const time = { "last-modified": TUESDAY }
    expect(contentChanged(job({ etag: '"a"', lastModified: MONDAY }), { etag: '"a"', ...time }, undefined)).to.equal(
      false,
    )
    expect(contentChanged(job({ etag: 'W/"a"', lastModified: MONDAY }), { etag: 'W/"a"', ...time }, 9)).to.equal(true)
    expect(contentChanged(job({ lastModified: MONDAY }), time, undefined)).to.equal(true)
    expect(contentChanged(job({ lastModified: MONDAY }), {}, undefined)).to.equal(false)
  })

  it("are not compared but for their length where the part is of another source", () => {
    const other = job({ source: "https://mirror.example.org/a", etag: '"b"', length: 10 })
    expect(contentChanged(other, { etag: '"a"' }, 10)).to.equal(false)
    expect(contentChanged(other, { etag: '"a"' }, 11)).to.equal(true)
  })

  it("are known to be of one file by the same strong ETag or time, or where a sum will tell", () => {
    const state = { etag: '"a"', lastModified: MONDAY }
    expect(contentProven(job(state), { etag: '"a"' })).to.equal(true)
    expect(contentProven(job(state), { "last-modified": MONDAY })).to.equal(true)
    expect(contentProven(job({ etag: 'W/"a"' }), { etag: 'W/"a"' })).to.equal(false)
    expect(contentProven(job(state), {})).to.equal(false)
    expect(contentProven(job(state, true), {})).to.equal(true)
  })
})
