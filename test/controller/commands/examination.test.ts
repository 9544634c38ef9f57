import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { Examination } from "../../../packages/controller/src/commands/examination.ts"

describe("an examination, step by step", () => {
  const NAMES = ["resolve", "connect", "jump", "shell"]
  const states = ({ steps }: Examination): string[] =>
    steps.map(({ step, state, found }) => `${step} ${state}: ${found}`)

  it("tells what was found, what to do about it, and what there was nothing to do for", () => {
    const examination = new Examination(NAMES)
    examination.passed("resolve", "the file")
    examination.passed("connect", "port 22", "use another")
    examination.passed("shell", "bash")
    examination.end()
    expect(states(examination)).to.deep.equal([
      "resolve ok: the file",
      "connect warning: port 22",
      "jump skipped: nothing to do",
      "shell ok: bash",
    ])
    expect(examination.steps[1]).to.have.property("next", "use another")
    expect(examination.steps[0]).not.to.have.property("next")
    expect(examination.failure).to.equal(undefined)
  })

  it("has the first failure, at the first step that was not yet done, and does not reach what comes after", () => {
    const examination = new Examination(NAMES)
    examination.passed("resolve", "the file")
    const failure = new DatamaestroError("UNREACHABLE", "Cannot reach it", { hint: "check the network" })
    examination.failed(failure)
    expect([examination.reached("connect"), examination.reached("jump")]).to.deep.equal([true, false])
    examination.end()
    expect(states(examination)).to.deep.equal([
      "resolve ok: the file",
      "connect failed: Cannot reach it",
      "jump skipped: not reached",
      "shell skipped: not reached",
    ])
    expect(examination.steps[1]).to.include({ code: "UNREACHABLE", next: "check the network" })
    expect(examination.failure).to.equal(failure)
  })

  it("goes on after a step that nothing else needs, and is a failure all the same", () => {
    const examination = new Examination(NAMES)
    const failure = new DatamaestroError("DOWNLOAD_FAILED", "No internet")
    examination.failed(failure, "connect")
    examination.passed("jump", "none")
    examination.failed(new DatamaestroError("DEPLOY_FAILED", "No shell"))
    expect(states(examination), "what was passed over before the failure had nothing to do").to.deep.equal([
      "resolve skipped: nothing to do",
      "connect failed: No internet",
      "jump ok: none",
      "shell failed: No shell",
    ])
    expect(examination.failure).to.equal(failure)
  })
})
