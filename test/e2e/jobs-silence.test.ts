import { expect } from "chai"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { startDelayProxy, type DelayProxy } from "../helpers/delay-proxy.ts"
import { startJobLab, type JobLab, type RunningCommand } from "../helpers/job-lab.ts"
import { skipWithoutSshd, startSshd, type Sshd } from "../helpers/sshd.ts"

/** Seconds; others by DATAMAESTRO_SILENCES, e.g. `600`. */
const SILENCES = (process.env["DATAMAESTRO_SILENCES"] ?? "1 30").split(/[\s,]+/).map(Number)

describe("a network that swallows every packet", function () {
  this.timeout(1000 * (Math.max(...SILENCES) + 120))
  let lab: JobLab
  let sshd: Sshd
  let proxy: DelayProxy
  let configFile: string
  before(function () {
    skipWithoutSshd(this)
  })
  beforeEach(async () => {
    lab = await startJobLab()
    sshd = await startSshd({ environment: { HOME: lab.home } })
    proxy = await startDelayProxy({ target: sshd })
    configFile = join(lab.folder, "ssh_config")
    await writeFile(
      configFile,
      [
        "Host cluster",
        `HostName ${proxy.host}`,
        `Port ${proxy.port}`,
        `User ${sshd.user}`,
        `IdentityFile ${sshd.identityFile}`,
        "IdentitiesOnly yes",
        `UserKnownHostsFile ${sshd.knownHostsFile}`,
        "StrictHostKeyChecking no",
        "",
      ].join("\n"),
    )
  })
  afterEach(async () => {
    await lab.close()
    await proxy.close()
    await sshd.stop()
  })

  const prepare = (data: string, ...args: string[]): RunningCommand =>
    lab.start("-F", configFile, "--host", "cluster", "--data", data, "prepare", ...args)

  for (const seconds of SILENCES) {
    it(`for ${seconds} s: the results come as if nothing had happened`, async () => {
      const direct = prepare(lab.data, lab.dataset(8))
      const relayed = prepare(join(lab.folder, "relayed"), "--relay", lab.dataset(3))
      await Promise.all([direct.said(/part0: downloading/), relayed.said(/part0: downloading/)])
      await sleep(1000)
      proxy.hold()
      await sleep(1000 * seconds)
      proxy.release()
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
