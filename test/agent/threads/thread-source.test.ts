import { once } from "node:events"
import { expect } from "chai"
import {
  provideThreadSource,
  startThread,
  startThreadAhead,
} from "../../../packages/agent/src/threads/thread-source.ts"

/** Answers with its purpose and id, whenever it is told something. */
const ECHO = `
const { parentPort, threadId, workerData } = require("node:worker_threads")
parentPort.on("message", (message) => {
  if (message === "fail") throw new Error("on demand")
  parentPort.postMessage([workerData.datamaestro, threadId])
})`

describe("a thread of the agent", () => {
  beforeEach(() => provideThreadSource(() => ECHO))
  afterEach(() => provideThreadSource(undefined))

  it("is the one that was started ahead, which no second one gets", async () => {
    startThreadAhead("extract")
    startThreadAhead("extract")
    const [first, second] = [startThread("extract"), startThread("extract")]
    const answers = []
    for (const thread of [first, second]) {
      thread?.postMessage("")
      answers.push((await once(thread as NonNullable<typeof thread>, "message"))[0] as [string, number])
      await thread?.terminate()
    }
    const [[purpose, id] = [], [, otherId] = []] = answers
    expect(purpose).to.equal("extract")
    expect(id).to.equal((otherId ?? 0) - 1)
  })

  it("is another one where what was started ahead is for something else, or has ended", async () => {
    startThreadAhead("extract")
    const transform = startThread("transform")
    transform?.postMessage("")
    expect((await once(transform as NonNullable<typeof transform>, "message"))[0]).to.include("transform")
    await transform?.terminate()

    provideThreadSource(() => "throw new Error('at its start')")
    startThreadAhead("transform")
    await new Promise((resolve) => setTimeout(resolve, 500))
    provideThreadSource(() => ECHO)
    const fresh = startThread("transform")
    fresh?.postMessage("")
    expect((await once(fresh as NonNullable<typeof fresh>, "message"))[0]).to.include("transform")
    await fresh?.terminate()
    await startThread("extract")?.terminate()
  })

  it("is none where there is no code for one", () => {
    provideThreadSource(undefined)
    startThreadAhead("extract")
    expect(startThread("extract")).to.equal(undefined)
  })
})
