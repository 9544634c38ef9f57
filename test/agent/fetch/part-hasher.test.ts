import { expect } from "chai"
import { createHook } from "node:async_hooks"
import { randomBytes } from "node:crypto"
import { setTimeout as sleep } from "node:timers/promises"
import { setUpFetch, sha256, type FetchSetup } from "./fetch-setup.ts"

const MIB = 1024 * 1024
const LARGE = 33 * MIB

describe("the sums of large downloads", () => {
  let setup: FetchSetup
  beforeEach(async () => {
    setup = await setUpFetch()
  })
  afterEach(() => setup.close())

  it("are computed by two threads at most, however many come at once, and are right", async () => {
    let threads = 0
    const hook = createHook({ init: (_id, type) => void (type === "WORKER" && threads++) }).enable()
    try {
      let release = (): void => {}
      const until = new Promise<void>((resolve) => (release = resolve))
      const bodies = Array.from({ length: 4 }, () => randomBytes(LARGE))
      const fetching = bodies.map((body, index) => {
        setup.origin.route(`/${index}`, { body, holdAfter: { bytes: 2 * MIB, until } })
        return setup.fetch({ urls: [setup.origin.at(`/${index}`)] })
      })
      const begun = (): boolean =>
        threads >= 2 && bodies.every((_, index) => (setup.origin.requestsOf(`/${index}`)[0]?.sent ?? 0) > 0)
      while (!begun()) await sleep(10)
      // Time for a third.
      await sleep(500)
      expect(threads).to.equal(2)
      release()
      for (const [index, { sha256: found }] of (await Promise.all(fetching)).entries()) {
        expect(found).to.equal(sha256(bodies[index] ?? Buffer.alloc(0)))
      }
    } finally {
      hook.disable()
    }
  })
})
