import { expect } from "chai"
import { retryAfter } from "../../../packages/agent/src/fetch/retry-after.ts"
import { askedToRetry } from "../../../packages/agent/src/fetch/retry-policy.ts"

describe("what a server asks to wait", () => {
  const date = "Wed, 21 Oct 2015 07:28:00 GMT"
  const at = Date.parse(date) / 1000

  it("is Retry-After, in seconds or as a date", () => {
    expect(retryAfter({ "retry-after": "7" })).to.equal(7)
    expect(retryAfter({ "retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", date })).to.equal(30)
    expect(retryAfter({ "retry-after": date }, Date.parse(date) + 5000)).to.equal(0)
    expect(retryAfter({ "retry-after": "soon" })).to.equal(0)
    expect(retryAfter({ "retry-after": "7", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "60" })).to.equal(7)
  })

  it("is the t= of RateLimit, of what is used up only", () => {
    expect(retryAfter({ ratelimit: '"default";r=0;t=42' })).to.equal(42)
    expect(retryAfter({ ratelimit: '"minute";r=0;t=12, "day";r=4000;t=70000' })).to.equal(12)
    expect(retryAfter({ ratelimit: '"api";r=4999;t=250' })).to.equal(0)
  })

  it("is X-RateLimit-Reset, a time by the server's clock or seconds, where nothing is left", () => {
    const used = { date, "x-ratelimit-remaining": "0" }
    expect(retryAfter({ ...used, "x-ratelimit-reset": String(at + 90) })).to.equal(90)
    expect(retryAfter({ ...used, "x-ratelimit-reset": String((at + 90) * 1000) })).to.equal(90)
    expect(retryAfter({ ...used, "x-ratelimit-reset": String(at - 90) })).to.equal(0)
    expect(retryAfter({ "x-ratelimit-reset": String(at + 90) }, at * 1000)).to.equal(90)
    expect(retryAfter({ ...used, "x-ratelimit-remaining": "58", "x-ratelimit-reset": String(at + 90) })).to.equal(0)
    expect(retryAfter({ "ratelimit-remaining": "0", "ratelimit-reset": "15" })).to.equal(15)
    expect(retryAfter({ ...used, "x-ratelimit-reset": "tomorrow" })).to.equal(0)
  })

  it("makes of a 403 one that will pass", () => {
    expect(askedToRetry(403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "9" })).to.have.property("floor", 9)
    expect(askedToRetry(403, { "retry-after": "9" })).to.have.property("floor", 9)
    expect(askedToRetry(403, { "x-ratelimit-remaining": "58", "x-ratelimit-reset": "9" })).to.equal(undefined)
    expect(askedToRetry(403, {})).to.equal(undefined)
  })
})
