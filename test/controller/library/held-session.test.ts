import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import { expect } from "chai"
import { localMachine } from "../../../packages/controller/src/machine.ts"
import { heldSession, openLasting } from "../../../packages/controller/src/library/held-session.ts"
import type { OpenOptions } from "../../../packages/controller/src/library/session-source.ts"
import type { Session } from "../../../packages/controller/src/session/session.ts"
import { linkedSession } from "../../helpers/linked-session.ts"
import { rejection } from "../../helpers/rejection.ts"

describe("a session for many calls", () => {
  const machine = localMachine({})
  const lose = (): Promise<never> => Promise.reject(new DatamaestroError("CONNECTION_LOST", "Lost it"))
  const label = (session: Session): Promise<string> => Promise.resolve(session.label)

  it("is opened anew after an attempt that somebody has interrupted", async () => {
    const attempts: (AbortSignal | undefined)[] = []
    const open = (_machine: unknown, { signal }: OpenOptions): Promise<Session> => {
      attempts.push(signal)
      return signal?.aborted === true ? Promise.reject(interrupted()) : Promise.resolve(linkedSession({}))
    }
    const source = heldSession(machine, linkedSession({}), open)
    await rejection(source.use({}, lose))
    expect(await rejection(source.use({ signal: AbortSignal.abort() }, label))).to.have.property("code", "INTERRUPTED")
    expect(await source.use({}, label)).to.equal("linked")
    expect(attempts).to.have.length(2)
    await source.close()
  })

  it("says what to do once it is closed", async () => {
    const source = heldSession(machine, linkedSession({}), () => Promise.resolve(linkedSession({})))
    await source.close()
    const error = await rejection(source.use({}, label))
    expect(error).to.have.property("code", "USAGE")
    expect(error).to.have.property("hint").that.includes("Context.remote")
  })

  it("does not end with the signal of the call that has opened it", async () => {
    const abort = new AbortController()
    let given: AbortSignal | undefined
    await openLasting(machine, { signal: abort.signal }, (_machine, { signal }) => {
      given = signal
      return Promise.resolve(linkedSession({}))
    })
    abort.abort()
    expect(given?.aborted).to.equal(false)
  })

  it("is no longer waited for by a call that is interrupted", async () => {
    const source = heldSession(machine, linkedSession({}), (_machine, { signal }) =>
      signal === undefined
        ? Promise.reject(new Error("no signal"))
        : new Promise((_, reject) => signal.addEventListener("abort", () => reject(interrupted()))),
    )
    await rejection(source.use({}, lose))
    const abort = new AbortController()
    const [first, second] = [source.use({}, label), source.use({ signal: abort.signal }, label)]
    abort.abort()
    expect(await rejection(second)).to.have.property("code", "INTERRUPTED")
    const closed = source.close()
    expect(await rejection(first)).to.have.property("code", "INTERRUPTED")
    await closed
  })

  it("is opened by a call that waited for another one to open it, which was interrupted", async () => {
    let attempts = 0
    const source = heldSession(machine, linkedSession({}), (_machine, { signal }) =>
      ++attempts === 1
        ? new Promise((_, reject) => signal?.addEventListener("abort", () => reject(interrupted())))
        : Promise.resolve(linkedSession({})),
    )
    await rejection(source.use({}, lose))
    const abort = new AbortController()
    const [first, second] = [source.use({ signal: abort.signal }, label), source.use({}, label)]
    abort.abort()
    expect(await rejection(first)).to.have.property("code", "INTERRUPTED")
    expect(await second).to.equal("linked")
    expect(attempts).to.equal(2)
    await source.close()
  })

  it("is opened anew by the first call after it was lost, where none was under way", async () => {
    const first = linkedSession({ "jobs/list": () => Promise.resolve({ jobs: [] }) })
    const next = linkedSession({ "jobs/list": () => Promise.resolve({ jobs: [] }) })
    const source = heldSession(machine, first, () => Promise.resolve(next))
    first.agent.close()
    const list = (session: Session): Promise<unknown> => session.agent.request("jobs/list", {})
    expect(await source.use({}, list)).to.deep.equal({ jobs: [] })
    await source.close()
    expect([first.closed, next.closed]).to.deep.equal([1, 1])
  })

  it("is left to a preparation that makes it anew for itself, when another call fails by its loss", async () => {
    const first = linkedSession({})
    const source = heldSession(machine, first, () => Promise.resolve(linkedSession({})))
    let finish = (_value: string): void => {}
    const preparation = source.use({}, () => new Promise<string>((resolve) => (finish = resolve)))
    await rejection(source.use({}, lose))
    expect(await source.use({}, label)).to.equal("linked")
    expect(first.closed).to.equal(0)
    finish("prepared")
    expect(await preparation).to.equal("prepared")
    expect(first.closed).to.equal(1)
    await source.close()
  })
})
