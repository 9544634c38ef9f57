import { expect } from "chai"
import { waiting } from "../../../packages/agent/src/slurm/slurm-watch.ts"

describe("a job that Slurm has", () => {
  const submission = {
    version: 1,
    slurm: "7",
    submitted: "2026-01-01T00:00:00Z",
    host: "login",
    dataset: "x",
    repository: "y",
  } as const
  const detail = (state: string, more: { node?: string; reason?: string } = {}): string =>
    waiting(submission, {
      kind: "alive",
      state,
      node: more.node,
      reason: more.reason,

      left: undefined,
    }).detail

  it("is told of as queued, starting, or whatever else holds it up", () => {
    expect(detail("PENDING", { reason: "Priority" })).to.equal("queued as Slurm job 7 (Priority)")
    expect(detail("REQUEUED")).to.equal("queued as Slurm job 7")
    expect(detail("CONFIGURING", { node: "n1" })).to.equal("starting on n1 as Slurm job 7")
    expect(detail("RUNNING", { node: "n1", reason: "None" })).to.equal("starting on n1 as Slurm job 7")
    expect(detail("SUSPENDED", { node: "n1", reason: "x" })).to.equal("suspended on n1 as Slurm job 7 (x)")
  })

  it("is not taken for ended while Slurm can't be asked", () => {
    expect(waiting(submission, { kind: "unknown", why: "it did not answer within 10 s" })).to.deep.equal({
      kind: "waiting",
      state: "UNKNOWN",
      detail: "submitted as Slurm job 7; now it did not answer within 10 s",
    })
  })
})
