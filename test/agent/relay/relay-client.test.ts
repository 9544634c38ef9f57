import { expect } from "chai"
import { randomBytes } from "node:crypto"
import { readFile } from "node:fs/promises"
import { WayOut } from "../../../packages/agent/src/fetch/way-out.ts"
import { linkRelay, type LinkedRelay } from "../../fixtures/linked-relay.ts"
import { until } from "../../helpers/job-lab.ts"
import { setUpFetch, type FetchSetup } from "../fetch/fetch-setup.ts"

const MIB = 1024 * 1024
const body = randomBytes(8 * MIB)

describe("several connections to one file, through the controller", function () {
  this.timeout(60_000)
  let setup: FetchSetup
  let linked: LinkedRelay
  beforeEach(async () => {
    setup = await setUpFetch()
    linked = linkRelay(() => ({ urls: [setup.origin.at("/a")], prefixes: [] }))
  })
  afterEach(async () => {
    linked.close()
    await setup.close()
  })

  for (const [what, held] of [
    ["one that brings nothing more", { bytes: MIB / 8, from: 2, times: 1 }],
    ["one that never begins", { bytes: 0, from: 2, times: 1 }],
  ] as const) {
    it(`are not held up by ${what}: it ends at the server, too`, async () => {
      let goOn = (): void => {}
      const released = new Promise<void>((resolve) => (goOn = resolve))
      setup.origin.route("/a", { body, throttle: 2 * MIB, holdAfter: { ...held, until: released } })
      const progress = (): void => {}
      const { path } = await setup.fetch(
        { urls: [setup.origin.at("/a")] },
        {
          wayOut: new WayOut({ relay: linked.relay, mode: "always", progress }),
          tuning: {
            stallSeconds: 600,
            attempts: 1,
            segmentFromBytes: MIB,
            pieceBytes: MIB / 4,
            probeSeconds: 0.15,
            worthSeconds: 0.2,
            stragglerSeconds: 0.3,
          },
        },
      )
      expect((await readFile(path)).equals(body)).to.equal(true)
      expect(setup.origin.mostAtOnce("/a")).to.be.above(1)
      // The server still waits for the word to go on with it.
      await until(() => setup.origin.underWay("/a") === 0)
      goOn()
    })
  }
})
