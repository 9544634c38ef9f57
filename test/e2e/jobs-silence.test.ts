import { expect } from "chai"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { type RunningCommand } from "../helpers/job-lab.ts"
import { startRemoteJobLab, type RemoteJobLab } from "../helpers/remote-job-lab.ts"
import { skipWithoutSshd } from "../helpers/sshd.ts"

/** Seconds; others by DATAMAESTRO_SILENCES, e.g. `600`. */
const SILENCES = (process.env["DATAMAESTRO_SILENCES"] ?? "1 30").split(/[\s,]+/).map(Number)

describe("a network that swallows every packet", function () {
  this.timeout(1000 * (Math.max(...SILENCES) + 120))
  let lab: RemoteJobLab
  before(function () {
    skipWithoutSshd(this)
  })
  beforeEach(async () => (lab = await startRemoteJobLab()))
  afterEach(() => lab.close())

  const prepare = (data: string, ...args: string[]): RunningCommand =>
    lab.start("-F", lab.configFile, "--host", "cluster", "--data", data, "prepare", ...args)

  for (const seconds of SILENCES) {
    it(`for ${seconds} s: the results come as if nothing had happened`, async () => {
      const direct = prepare(lab.data, lab.dataset(8))
      const relayed = prepare(join(lab.folder, "relayed"), "--relay", lab.dataset(3))
      await Promise.all([direct.said(/part0: downloading/), relayed.said(/part0: downloading/)])
      await sleep(1000)
      lab.proxy.hold()
      await sleep(1000 * seconds)
      lab.proxy.release()
      for (const command of [direct, relayed]) {
        expect(await command.ended, command.stderr).to.equal(0)
        expect(await lab.isRight(command.stdout)).to.equal(true)
        expect(command.stderr.match(/part0: downloaded/g)).to.have.length(1)
      }
      // Noticed or not: it is one job, and one download.
      expect(await lab.jobs()).to.have.length(1)
      expect(lab.origin.requestsOf("/8/0")).to.have.length(1)
    })
  }
})
