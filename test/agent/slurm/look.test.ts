import { expect } from "chai"
import { lookAt, type Ask } from "../../../packages/agent/src/slurm/look.ts"

/** Answers as Slurm's programs gave them: 22.05 for `squeue` and `scontrol`; `sacct` as its manual shows them. */
function answers(by: Partial<Record<string, string | Error>>): Ask {
  return async (program) => {
    const answer = by[program]
    if (answer instanceof Error) throw answer
    if (answer === undefined)
      return { status: 1, stdout: "", stderr: "slurm_load_jobs error: Invalid job id specified" }
    return { status: 0, stdout: answer, stderr: "" }
  }
}

async function look(by: Parameters<typeof answers>[0], id = "12") {
  return (await lookAt([id], answers(by))).get(id)
}

describe("what Slurm says of a job", () => {
  it("is why it waits, and where it runs and how long still", async () => {
    expect(await look({ squeue: "12|PENDING||1:00|1:00|(ReqNodeNotAvail, UnavailableNodes:n1|n2)\n" })).to.deep.include(
      {
        kind: "alive",
        state: "PENDING",
        reason: "(ReqNodeNotAvail, UnavailableNodes:n1|n2)",
        node: undefined,
        left: 60,
      },
    )
    const running = await look({ squeue: "12|RUNNING|n1|1-02:00:00|1-01:59:30|None\n" })
    expect(running).to.deep.include({ node: "n1", reason: undefined, left: 93_570 })
    expect(await look({ squeue: "12|RUNNING|n1|UNLIMITED|UNLIMITED|None\n" })).to.have.property("left", undefined)
  })

  for (const [line, why] of [
    ["12|TIMEOUT|n1|1:00|0:00|TimeLimit", "its time limit (1:00) was reached on n1"],
    ["12|OUT_OF_MEMORY|n1|1:00|0:30|OutOfMemory", "it ran out of memory on n1"],
    ["12|NODE_FAIL|n1|1:00|0:30|NodeDown", "its node n1 failed"],
    ["12|PREEMPTED|n1|1:00|0:30|None", "it was preempted on n1"],
    ["12|CANCELLED||1:00|1:00|None", "it was cancelled in Slurm"],
    ["12|DEADLINE||1:00|1:00|DeadLine", "its deadline was reached"],
    ["12|FAILED|n1|1:00|0:30|NonZeroExitCode", "its process ended without a result on n1 (FAILED)"],
  ] as const) {
    it(`is that ${why}`, async () => {
      expect(await look({ squeue: `${line}\n` })).to.deep.include({ kind: "ended", why })
    })
  }

  it("is asked of sacct once squeue has forgotten it, then of scontrol", async () => {
    const others = "112|COMPLETED|n2|01:00:00\n12_1|COMPLETED|n2|01:00:00\n"
    expect(await look({ sacct: `${others}12|CANCELLED by 1000|n1|01:00:00\n` })).to.deep.include({ state: "CANCELLED" })
    expect(await look({ squeue: "", sacct: "12|OUT_OF_MEMORY|n1|01:00:00\n" })).to.have.property(
      "state",
      "OUT_OF_MEMORY",
    )
    const shown =
      "JobId=12 JobName=x UserId=root(0) JobState=TIMEOUT Reason=TimeLimit Dependency=(null) TimeLimit=00:01:00 TimeMin=N/A NodeList=n1\n"
    expect(await look({ sacct: new Error("sacct: not found"), scontrol: shown })).to.deep.include({
      kind: "ended",
      why: "its time limit (00:01:00) was reached on n1",
    })
    expect(await look({})).to.deep.equal({ kind: "forgotten" })
  })

  it("is not known while Slurm can't be asked", async () => {
    expect(await look({ squeue: new Error("it did not answer within 10 s") })).to.deep.equal({
      kind: "unknown",
      why: "it did not answer within 10 s",
    })
  })

  it("tells the tasks of an array apart", async () => {
    const looks = await lookAt(
      ["12_0", "12_1"],
      answers({ squeue: "12_1|PENDING||1:00|1:00|JobArrayTaskLimit\n12_0|RUNNING|n1|1:00|0:50|None\n" }),
    )
    expect([...looks].map(([id, each]) => [id, each.kind === "alive" ? each.state : each.kind])).to.deep.equal([
      ["12_1", "PENDING"],
      ["12_0", "RUNNING"],
    ])
  })
})
