import { expect } from "chai"
import { DatamaestroError, interrupted, type ProgressEvent } from "@datamaestro/protocol"
import { RunningJob, type PerformContext } from "../../../packages/agent/src/jobs/running-job.ts"
import type { JobEnd, JobRecord } from "../../../packages/agent/src/jobs/job-record.ts"
import { rejection } from "../../helpers/rejection.ts"

const result = { id: "org.example.x", repository: "r", value: {} }
const started: ProgressEvent = { phase: "dataset", dataset: "org.example.x", state: "started" }

describe("a job that this process works on", () => {
  const begin = (perform: (context: PerformContext) => Promise<typeof result>) => {
    const ends: JobEnd[] = []
    const journal: ProgressEvent[] = []
    const record = {
      event: (event: ProgressEvent) => void journal.push(event),
      message: () => {},
      onCancel: () => {},
      end: (end: JobEnd) => Promise.resolve(void ends.push(end)),
    } as unknown as JobRecord
    const job = new RunningJob({
      id: "one",
      onDisconnect: "continue",
      detached: false,
      makeRecord: () => Promise.resolve(record),
      perform,
    })
    return { job, ends, journal }
  }
  /** Work that has begun, and heeds its signal, or nothing. */
  const work = (heeds: boolean) =>
    begin(
      ({ signal, progress }) =>
        new Promise((_, reject) => {
          progress(started)
          if (heeds) signal.addEventListener("abort", () => reject(interrupted()))
        }),
    )
  const following = (abort: AbortController, owner: boolean) => ({ signal: abort.signal, progress: () => {}, owner })

  it("tells whoever comes later what has happened, and keeps what it began", async () => {
    const { job, ends, journal } = begin(({ progress }) => {
      progress(started)
      return Promise.resolve(result)
    })
    const told: ProgressEvent[] = []
    expect(
      await job.follow({ signal: new AbortController().signal, progress: (e) => told.push(e), owner: true }),
    ).to.equal(result)
    expect(told).to.deep.equal([started])
    expect(journal).to.deep.equal([started])
    expect(ends).to.deep.equal([{ state: "done", result }])
  })

  it("leaves no record of what fails before its work begins", async () => {
    const { job, ends } = begin(() => Promise.reject(new DatamaestroError("NOT_PREPARED", "Cannot prepare")))
    expect(await rejection(job.done)).to.have.property("code", "NOT_PREPARED")
    expect(ends).to.deep.equal([])
  })

  it("is left after a moment where what is cancelled heeds nothing", async () => {
    const { job, ends } = work(false)
    // Alive for as long as that takes, which keeps nothing so.
    const alive = setInterval(() => {}, 1000)
    job.cancel()
    expect(await rejection(job.done)).to.have.property("code", "INTERRUPTED")
    clearInterval(alive)
    expect(ends).to.deep.equal([{ state: "cancelled" }])
  })

  it("ends with the owner that follows it, and not with who looks on", async () => {
    const { job, ends } = work(true)
    const [looking, owning] = [new AbortController(), new AbortController()]
    const looker = rejection(job.follow(following(looking, false)))
    const owner = rejection(job.follow(following(owning, true)))
    looking.abort()
    expect(await looker).to.have.property("code", "INTERRUPTED")
    expect(job.ending).to.equal(false)
    owning.abort()
    expect(await owner).to.have.property("code", "INTERRUPTED")
    expect(ends).to.deep.equal([{ state: "cancelled" }])
  })

  it("goes on where its owner's connection is lost", async () => {
    const { job } = work(true)
    const owning = new AbortController()
    const owner = rejection(job.follow(following(owning, true)))
    owning.abort(new DatamaestroError("CONNECTION_LOST", "Lost the connection"))
    expect(await owner).to.have.property("code", "CONNECTION_LOST")
    expect(job.ending).to.equal(false)
    job.stop("the test is over")
    await rejection(job.done)
  })

  it("can be resumed where it was stopped, or lost the machine that it downloads through", async () => {
    const { job, ends } = work(true)
    job.stop("the machine goes down")
    expect(await rejection(job.done)).to.have.property("code", "INTERRUPTED")
    expect(ends).to.deep.equal([{ state: "stopped", reason: "the machine goes down" }])
    const relayed = begin(({ progress }) => {
      progress(started)
      return Promise.reject(new DatamaestroError("CONNECTION_LOST", "the controller is gone"))
    })
    await rejection(relayed.job.done)
    expect(relayed.ends).to.deep.equal([{ state: "stopped", reason: "the controller is gone" }])
  })
})
