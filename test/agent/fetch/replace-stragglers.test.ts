import { expect } from "chai"
import { replaceStragglers } from "../../../packages/agent/src/fetch/replace-stragglers.ts"
import { Deliveries } from "../../../packages/agent/src/fetch/deliveries.ts"
import { newSpan, type Span } from "../../../packages/agent/src/fetch/span.ts"

/** How long a connection may bring nothing; short, so that the test is. */
const TUNING = { stragglerSeconds: 0.02 }
const MIB = 1024 * 1024

/** What some spans have brought before, at whatever speed, and how fast that was. */
function known(): Deliveries {
  const deliveries = new Deliveries()
  const ended = newSpan(0, MIB, MIB)
  deliveries.begin(ended, () => {})
  ended.position = MIB
  deliveries.end(ended)
  return deliveries
}

/** A connection that brings nothing, whose reader waits for it. */
function silent(): Span {
  const span = newSpan(MIB, 2 * MIB, 2 * MIB)
  span.waitsSince = performance.now()
  return span
}

/** Which of the connections that are beside each other are left, once they have been looked at so often that one is, if any. */
async function left(spans: readonly Span[], deliveries: Deliveries, { hasMore = false } = {}): Promise<Span[]> {
  const stop = new AbortController()
  const replaced: Span[] = []
  for (const span of spans) deliveries.begin(span, () => {})
  let looks = 0
  const pool = {
    deliveries,
    size: spans.length,
    get hasMore(): boolean {
      // Asked for once the patience with a span is over.
      if (++looks >= 4 * spans.length) stop.abort()
      return hasMore
    },
    restOf: ({ position, stop: end }: Span): number => (end ?? position) - position,
    replace: (span: Span): void => void replaced.push(span),
  }
  await replaceStragglers(pool, TUNING, stop.signal)
  return replaced
}

describe("a connection that brings nothing, once nothing else is left to ask for", () => {
  it("is left for a new one", async () => {
    const span = silent()
    expect(await left([span], known())).to.include(span)
  })

  it("is not, where the storage holds it up", async () => {
    const span = silent()
    span.waitsSince = undefined
    expect(await left([span], known())).to.deep.equal([])
  })

  it("is not, where nobody knows yet what others bring", async () => {
    expect(await left([silent()], new Deliveries())).to.deep.equal([])
  })

  it("is not, where the others have more to ask for; it is, where it is the only one", async () => {
    expect(await left([silent(), silent()], known(), { hasMore: true })).to.deep.equal([])
    expect(await left([silent()], known(), { hasMore: true })).to.have.lengthOf.above(0)
  })

  it("is not, where all has come", async () => {
    const span = silent()
    span.position = 2 * MIB
    expect(await left([span], known())).to.deep.equal([])
  })
})
