import { DatamaestroError, type ProgressEvent } from "@datamaestro/protocol"
import { expect } from "chai"
import { openReconnecting } from "../../../packages/controller/src/jobs/reconnecting-session.ts"
import { rememberingPrompter } from "../../../packages/controller/src/jobs/remembering-prompter.ts"
import { requestAttach, requestPrepare } from "../../../packages/controller/src/jobs/request-prepare.ts"
import { silentPrompter } from "../../../packages/controller/src/reporter/silent-prompter.ts"
import type { SessionRelay } from "../../../packages/controller/src/relay/session-relay.ts"
import type { Session, SessionEvent, SessionOptions } from "../../../packages/controller/src/session/session.ts"
import { linkedSession, type LinkedSession } from "../../helpers/linked-session.ts"
import { rejection } from "../../helpers/rejection.ts"

describe("a session that is made anew", () => {
  const events: SessionEvent[] = []
  const options = (signal?: AbortSignal): SessionOptions => ({
    node: "auto",
    prompter: silentPrompter,
    onEvent: (event) => events.push(event),
    signal,
  })
  const params = { id: "x", encoder: "normal", download: true } as const
  beforeEach(() => events.splice(0))

  /** Agents that lose their connection while they work, except for the last. */
  const agents = (losses: number, seen: (string | undefined)[] = []) => {
    const opened: LinkedSession[] = []
    const open = (): Promise<LinkedSession> => {
      const last = opened.length === losses
      const session: LinkedSession = linkedSession({
        "datasets/prepare": async ({ id, job }, { progress }) => {
          seen.push(job)
          progress({ phase: "dataset", dataset: id, state: "started" })
          if (last) return { id, repository: "r", value: 1 }
          await Promise.resolve()
          session.agent.close()
          return await new Promise<never>(() => {})
        },
      })
      opened.push(session)
      return Promise.resolve(session)
    }
    return { open, opened }
  }

  it("asks for the same job again, tells of it, and tells nothing twice", async () => {
    const seen: (string | undefined)[] = []
    const { open, opened } = agents(2, seen)
    const told: (ProgressEvent | SessionEvent)[] = []
    const session = await openReconnecting(open, options(), { minutes: 1 })
    const result = await requestPrepare(session, params, { onProgress: (event) => told.push(event) })
    expect(result.value).to.equal(1)
    expect(opened).to.have.length(3)
    expect(new Set(seen).size).to.equal(1)
    expect(told.filter(({ phase }) => phase === "dataset")).to.have.length(1)
    expect(events.map((event) => (event.phase === "notice" ? event.level : event.phase))).to.deep.equal([
      "warning",
      "info",
      "warning",
      "info",
    ])
    await session.close()
    expect(opened.map(({ closed }) => closed)).to.deep.equal([1, 1, 1])
  })

  it("is made once for all who miss it", async () => {
    const { open, opened } = agents(1)
    const session = await openReconnecting(open, options(), { minutes: 1 })
    const results = await Promise.all(["a", "b", "c"].map((id) => requestPrepare(session, { ...params, id }, {})))
    expect(results.map(({ id }) => id)).to.deep.equal(["a", "b", "c"])
    expect(opened).to.have.length(2)
  })

  it("is made once more when it is lost before its agent knows the repositories", async () => {
    const { open, opened } = agents(2)
    let declarations = 0
    const declareRepositories = (): Promise<void> =>
      ++declarations === 2 ? Promise.reject(new DatamaestroError("CONNECTION_LOST", "Lost it")) : Promise.resolve()
    const losing = async (): Promise<LinkedSession> => Object.assign(await open(), { declareRepositories })
    const session = await openReconnecting(losing, options(), { minutes: 1 })
    await session.declareRepositories()
    expect((await requestPrepare(session, params, {})).value).to.equal(1)
    expect(opened.map(({ closed }) => closed)).to.deep.equal([1, 1, 0])
    expect(declarations).to.equal(3)
  })

  it("is given up after its time, naming the job", async () => {
    const { open, opened } = agents(1)
    const failing = async (): Promise<LinkedSession> => {
      if (opened.length > 0) throw new DatamaestroError("UNREACHABLE", "Cannot reach it")
      return await open()
    }
    const session = await openReconnecting(failing, options(), { minutes: 0 })
    const error = (await rejection(requestPrepare(session, params, {}))) as DatamaestroError
    expect(error).to.include({ code: "CONNECTION_LOST", exitStatus: 8 })
    expect(error.hint).to.match(/`datamaestro jobs attach [a-z0-9]{8}`/)
  })

  it("is not tried again once it is closed", async () => {
    const { open, opened } = agents(1)
    let begin = (): void => {}
    const begun = new Promise<void>((resolve) => (begin = resolve))
    const unreachable = async (attempt: SessionOptions): Promise<LinkedSession> => {
      if (opened.length === 0) return await open()
      begin()
      await new Promise<void>((resolve) => attempt.signal?.addEventListener("abort", () => resolve()))
      throw new DatamaestroError("UNREACHABLE", "Cannot reach it")
    }
    const session = await openReconnecting(unreachable, options(), { minutes: 1 })
    const call = rejection(requestPrepare(session, params, {}))
    await begun
    await session.close()
    expect(await call).to.have.property("code", "INTERRUPTED")
  })

  it("is not tried again when a person must look: a changed host key", async () => {
    const { open, opened } = agents(1)
    let attempts = 0
    const failing = async (): Promise<LinkedSession> => {
      if (opened.length === 0) return await open()
      attempts++
      throw new DatamaestroError("HOST_KEY_CHANGED", "Cannot trust it")
    }
    const session = await openReconnecting(failing, options(), { minutes: 1 })
    expect(await rejection(requestPrepare(session, params, {}))).to.have.property("code", "HOST_KEY_CHANGED")
    expect(attempts).to.equal(1)
  })

  it("with --on-disconnect cancel is not made anew", async () => {
    const { open, opened } = agents(1)
    const session = await openReconnecting(open, options(), { minutes: 1 })
    const cancelling = requestPrepare(session, { ...params, onDisconnect: "cancel" }, {})
    expect(await rejection(cancelling)).to.have.property("code", "CONNECTION_LOST")
    expect(opened).to.have.length(1)
  })

  it("ends its waiting on Ctrl-C, and says that the work could not be cancelled", async () => {
    const { open, opened } = agents(1)
    const abort = new AbortController()
    const failing = async (): Promise<LinkedSession> => {
      if (opened.length === 0) return await open()
      abort.abort()
      throw new DatamaestroError("UNREACHABLE", "Cannot reach it")
    }
    const told: (ProgressEvent | SessionEvent)[] = []
    const session = await openReconnecting(failing, options(abort.signal), { minutes: 1 })
    const call = { signal: abort.signal, onProgress: (event: ProgressEvent | SessionEvent) => told.push(event) }
    expect(await rejection(requestPrepare(session, params, call))).to.have.property("code", "INTERRUPTED")
    expect(told.at(-1)).to.include({ phase: "notice", level: "warning" })
  })

  it("tells what else has ended it, though Ctrl-C came meanwhile, and how to find the work", async () => {
    const abort = new AbortController()
    const { open } = agents(1)
    const session = await open()
    session.restore = () => {
      abort.abort()
      return Promise.reject(new DatamaestroError("HOST_KEY_CHANGED", "Changed"))
    }
    const error = await rejection(requestPrepare(session, params, { signal: abort.signal }))
    expect(error).to.have.property("code", "HOST_KEY_CHANGED")
    expect(error)
      .to.have.property("hint")
      .that.matches(/`datamaestro jobs attach \w+` finds it/)
  })
})

describe("attaching to a job", () => {
  const summary = (id: string, dataset?: string) => ({
    id,
    state: "running" as const,
    ...(dataset === undefined ? {} : { dataset }),
  })

  it("goes on after a lost connection", async () => {
    const lost = linkedSession({
      "jobs/attach": async () => {
        await Promise.resolve()
        lost.agent.close()
        return await new Promise<never>(() => {})
      },
    })
    const asked: string[] = []
    const again = linkedSession({
      "jobs/attach": ({ job }) => {
        asked.push(job)
        return { id: "x", repository: "r", value: 1 }
      },
    })
    let { agent } = lost
    const session: Session = {
      ...lost,
      get agent() {
        return agent
      },
      restore: async () => void (agent = again.agent),
    }
    expect((await requestAttach(session, "aaaa", {})).value).to.equal(1)
    expect(asked).to.deep.equal(["aaaa"])
  })

  it("lets downloads of what the job prepares, and of nothing else, go out through this machine", async () => {
    const wanted: unknown[] = []
    const session = linkedSession({
      "jobs/list": () => ({ jobs: [summary("aaaa", "org.x"), summary("aabb"), summary("bbbb", "org.y")] }),
      "jobs/attach": ({ relay }) => ({ id: "x", repository: "r", value: relay }),
    })
    const relay: SessionRelay = { mode: "always", want: (selector) => void wanted.push(selector), close: () => {} }
    const result = await requestAttach({ ...session, relay }, "aa", { defaultRepository: "mine" })
    expect(result.value).to.equal("always")
    expect(wanted).to.deep.equal([{ id: "org.x", defaultRepository: "mine" }])
  })

  it("asks for no list of jobs where nothing goes out through this machine", async () => {
    const session = linkedSession({ "jobs/attach": () => ({ id: "x", repository: "r", value: 1 }) })
    expect((await requestAttach(session, "aaaa", {})).value).to.equal(1)
  })
})

describe("a prompter that remembers", () => {
  it("gives a password once an attempt, and asks again when it was wrong; never a code twice", async () => {
    const asked: string[] = []
    const prompter = rememberingPrompter({
      available: true,
      ask: ({ text }) => {
        asked.push(text)
        return Promise.resolve(`${text} ${asked.length}`)
      },
    })
    const password = { text: "me@host's password:", hidden: true }
    const code = { text: "Verification code:", hidden: true }
    // As of a code that is sent to reset one.
    const shown = { text: "Password code:", hidden: false }
    expect(await prompter.ask(password)).to.match(/1$/)
    expect(await prompter.ask(code)).to.match(/2$/)
    prompter.again()
    expect(await prompter.ask(password)).to.match(/1$/)
    expect(await prompter.ask(code)).to.match(/3$/)
    // Refused: the person is asked.
    expect(await prompter.ask(password)).to.match(/4$/)
    prompter.again()
    expect(await prompter.ask(password)).to.match(/4$/)
    expect(asked).to.have.length(4)
    expect(await prompter.ask(shown)).to.match(/5$/)
    prompter.again()
    expect(await prompter.ask(shown)).to.match(/6$/)
  })

  it("keeps the answer that was right after a refusal, not the first one", async () => {
    const typed = ["wrong", "right"]
    const prompter = rememberingPrompter({ available: true, ask: () => Promise.resolve(typed.shift() ?? "none") })
    const question = { text: "Password of me@host:", hidden: true }
    expect(await prompter.ask(question)).to.equal("wrong")
    const second = { ...question, preface: "Permission denied, please try again." }
    expect(await prompter.ask(second)).to.equal("right")
    prompter.again()
    expect(await prompter.ask(question)).to.equal("right")
  })

  it("withdraws what is asked when the attempt is over, and only that", async () => {
    const signals: (AbortSignal | undefined)[] = []
    const prompter = rememberingPrompter({
      available: true,
      ask: ({ signal }) => {
        signals.push(signal)
        return Promise.resolve("")
      },
    })
    await prompter.ask({ text: "Code:", hidden: true })
    prompter.withdraw()
    await prompter.ask({ text: "Code:", hidden: true })
    expect(signals.map((signal) => signal?.aborted)).to.deep.equal([true, false])
  })
})
