import { expect } from "chai"
import { bootFailure, type BootFailure } from "../../../packages/controller/src/deploy/boot-failure.ts"
import { CHOSEN_NODE } from "../../../packages/controller/src/deploy/boot-protocol.ts"

const failed = (given: Partial<BootFailure>) =>
  bootFailure({
    label: "cluster",
    noise: "",
    stderr: "",
    booted: false,
    reason: "the program ended with exit code 1",
    ...given,
  })

describe("why no agent was started", () => {
  for (const [printed, why] of [
    ["This service allows sftp connections only.", "the account allows file transfer (SFTP) only"],
    ["This account is restricted by rssh.", "the account allows file transfer (SFTP) only"],
    ["This account is currently not available.", "the account may not log in to a shell"],
    ["rbash: line 1: exec: restricted", "its login shell is a restricted one"],
    ["channel 0: session open refused by peer", "its server allows no session, as jump hosts do (MaxSessions)"],
    ["WARNING: Your password has expired.", "the password of the account has expired"],
  ] as const) {
    it(`is that ${why}: ${printed}`, () => {
      for (const where of ["noise", "stderr"] as const) {
        const error = failed({ [where]: `Welcome!\n${printed}\n`, code: 1 })
        expect(error).to.include({ code: "DEPLOY_FAILED", message: `Cannot run anything on "cluster": ${why}` })
        expect(error.hint).to.match(why.startsWith("the password") ? /log in with "ssh cluster"/ : /administrators/)
      }
    })
  }

  it("is shown as it was printed, without what the probe says", () => {
    const error = failed({
      noise: `Welcome!\n${CHOSEN_NODE}7 /opt/node/bin/node\n`,
      chosen: { pid: 7, path: "/opt/node/bin/node" },
      code: 127,
    })
    expect(error.message).to.equal(
      'Cannot start the agent on "cluster" with the Node at "/opt/node/bin/node": the program ended with exit code 1; it printed this instead:\nWelcome!',
    )
    expect(error.hint).to.contain("/opt/node/bin/node -p 1")
    expect(error.details).to.include({ host: "cluster", node: "/opt/node/bin/node", pid: 7, code: 127 })
    expect(failed({ code: 1 }).message).to.match(/; it printed nothing$/)
  })

  it("is what becomes of the output where that comes as errors", () => {
    const error = failed({ stderr: `${CHOSEN_NODE}/opt/node/bin/node\n` })
    expect(error.message).to.contain("their standard output is led to their standard error")
    expect(error.hint).to.contain("exec 1>&2")
  })

  it("is looked for in start-up files by how the command ended", () => {
    expect(failed({ code: 1 }).hint)
      .to.contain("ssh cluster echo hello")
      .and.not.contain("type exec")
    expect(failed({ code: 0 }).hint).to.contain("type exec")
    expect(failed({}).hint).to.contain("ulimit -u")
    expect(failed({ stderr: "bash: fork: retry: Resource temporarily unavailable", code: 1 }).hint).to.match(
      /^your account may start too few processes/,
    )
  })

  it("is a defect of ours once the bootstrap has spoken", () => {
    expect(failed({ booted: true, stderr: "TypeError: x" })).to.include({ code: "AGENT_DIED", exitStatus: 9 })
  })
})
