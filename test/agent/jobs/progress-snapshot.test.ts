import type { ProgressEvent } from "@datamaestro/protocol"
import { expect } from "chai"
import { ProgressSnapshot } from "../../../packages/agent/src/jobs/progress-snapshot.ts"

const started: ProgressEvent = { phase: "dataset", dataset: "a", state: "started" }
const done: ProgressEvent = { phase: "dataset", dataset: "a", state: "done" }
const download: ProgressEvent = { phase: "download", dataset: "a", resource: "r", url: "http://h/r", bytes: 1 }
const placed: ProgressEvent = { phase: "resource", dataset: "a", resource: "r", how: "downloaded" }

describe("what somebody who comes later is told", () => {
  const told = (...events: ProgressEvent[]): ProgressEvent[] => {
    const snapshot = new ProgressSnapshot()
    for (const event of events) snapshot.take(event)
    return snapshot.events()
  }

  it("begins with the datasets that are worked on", () => {
    expect(told(download, started)).to.deep.equal([started, download])
  })

  it("tells a dataset's end after its resources", () => {
    expect(told(started, download, placed, done)).to.deep.equal([placed, done])
  })
})
