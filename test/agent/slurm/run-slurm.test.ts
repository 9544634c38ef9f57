import { expect } from "chai"
import { runSlurm } from "../../../packages/agent/src/slurm/run-slurm.ts"
import { rejection } from "../../helpers/rejection.ts"
import { callWithoutFiles } from "../../helpers/without-files.ts"

describe("runSlurm", () => {
  it("says so where no more files may be opened: Node then makes no pipe for a program, and its error ended the agent", () => {
    const thrown = callWithoutFiles("packages/agent/src/slurm/run-slurm.ts", "runSlurm", "true", [])
    expect(thrown).to.have.nested.include({
      "thrown.code": "LAUNCHER_FAILED",
      "thrown.message": "Cannot run Slurm's true: spawn true EMFILE",
    })
    expect(thrown).to.have.nested.property("thrown.hint").that.contains("`ulimit -n`")
  })

  it("tells of a program that is not there", async () => {
    const error = await rejection(runSlurm("no-such-slurm", []))
    expect(error).to.have.property("code", "LAUNCHER_FAILED")
    expect(error).to.have.property("message").that.contains("it is not on the PATH of")
    expect(error).to.have.property("hint").that.contains("module load slurm")
  })
})
