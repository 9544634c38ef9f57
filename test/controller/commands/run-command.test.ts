import { DatamaestroError, type AgentHandlers } from "@datamaestro/protocol"
import { expect } from "chai"
import { check } from "../../../packages/controller/src/commands/check.ts"
import type { Command } from "../../../packages/controller/src/commands/command.ts"
import { listDatafolders, setDatafolder } from "../../../packages/controller/src/commands/datafolders.ts"
import { info } from "../../../packages/controller/src/commands/info.ts"
import { orphans } from "../../../packages/controller/src/commands/orphans.ts"
import { prepare, type PrepareOptions } from "../../../packages/controller/src/commands/prepare.ts"
import { runCommand } from "../../../packages/controller/src/commands/run-command.ts"
import { search } from "../../../packages/controller/src/commands/search.ts"
import { testInvocation } from "../../helpers/invocation.ts"
import { until } from "../../helpers/job-lab.ts"
import { linkedSession, type LinkedSession } from "../../helpers/linked-session.ts"
import { rejection } from "../../helpers/rejection.ts"

const options = (ids: string[], more: Partial<PrepareOptions> = {}): PrepareOptions => ({
  ids,
  encoder: "normal",
  download: true,
  force: false,
  printValue: true,
  ...more,
})

const preparing: Partial<AgentHandlers> = {
  "datasets/prepare": ({ id }) => {
    if (id === "missing")
      throw new DatamaestroError("UNKNOWN_DATASET", `Cannot find "${id}"`, { hint: "search for it" })
    if (id === "broken") throw new DatamaestroError("CHECKSUM_MISMATCH", `Cannot trust "${id}"`)
    return { id, repository: "test", value: { train: { path: `/d/${id}` } } }
  },
  "datafolders/list": () => ({ datafolders: { b: "/b", a: "/a" } }),
}

describe("running a command", () => {
  it("prints one JSON object for one id, in which the id stands", async () => {
    const call = testInvocation({ open: () => linkedSession(preparing) })
    expect(await runCommand(prepare(options(["x"])), call)).to.equal(undefined)
    expect(call.written).to.equal('{"train":{"path":"/d/x"},"id":"x"}\n')
  })

  it("prints an array for several ids, in argument order, of what succeeded; the first failure decides", async () => {
    const call = testInvocation({ open: () => linkedSession(preparing) })
    const failure = await runCommand(prepare(options(["x", "broken", "missing", "y"])), call)
    expect((JSON.parse(call.written) as { id: string }[]).map(({ id }) => id)).to.deep.equal(["x", "y"])
    expect(failure?.code).to.equal("CHECKSUM_MISMATCH")
    expect(call.reporter.errors.map(({ error }) => error.code)).to.have.members([
      "CHECKSUM_MISMATCH",
      "UNKNOWN_DATASET",
    ])
  })

  it("prints nothing when the only id fails, and tells where", async () => {
    const session = linkedSession(preparing)
    const call = testInvocation({ host: ["cluster"], open: () => session })
    const failure = await runCommand(prepare(options(["missing"])), call)
    expect([failure?.exitStatus, failure?.hint, call.written]).to.deep.equal([3, "search for it", ""])
    expect(call.reporter.errors.map(({ host }) => host)).to.deep.equal(["cluster"])
    expect(session.closed).to.equal(1)
  })

  it("names no host where this machine failed", async () => {
    const checking: Partial<AgentHandlers> = { "repositories/check": () => ({ repository: "mine", datasets: [] }) }
    const call = testInvocation({ host: ["cluster"], open: () => linkedSession(checking) })
    const failure = await runCommand(check("mine", "/dev/null/result.json"), call)
    expect(failure?.message).to.contain("/dev/null/result.json")
    expect(call.reporter.errors.map(({ host }) => host)).to.deep.equal([undefined])
    expect(call.written).to.equal("[]\n")
  })

  it("refuses what can't be meant before it connects to anything", async () => {
    const refused = async (command: Command<unknown>, host: string[]): Promise<string> => {
      const open = (): never => expect.fail("connected")
      const error = await rejection(runCommand(command, testInvocation({ host, open })))
      expect(error.exitStatus).to.equal(2)
      return error.message
    }
    expect(await refused(check("mine", "f.json"), ["a", "b"])).to.contain("there are several hosts, and it is one file")
    const all = { size: false, remove: false, force: false }
    expect(await refused(orphans({ ...all, force: true }), ["a"])).to.contain("it is for --delete")
    expect(await refused(orphans({ ...all, remove: true }), [])).to.contain("there is no terminal to ask on")
  })

  it("advises commands that run where the failure was", async () => {
    const open = (): LinkedSession =>
      linkedSession({
        "datasets/prepare": (_, { progress }) => {
          progress({ phase: "notice", level: "info", message: "see `datamaestro verify x`" })
          throw new DatamaestroError("UNKNOWN_DATASET", "Cannot find it", { hint: "try `datamaestro search TERM`" })
        },
      })
    const there = await runCommand(prepare(options(["x"])), testInvocation({ host: ["cluster"], open }))
    expect(there?.hint).to.equal("try `datamaestro --host cluster search TERM`")
    const here = await runCommand(prepare(options(["x"])), testInvocation({ open }))
    expect(here?.hint).to.equal("try `datamaestro search TERM`")
    const call = testInvocation({ host: ["cluster"], data: "/a b", open })
    const inFolder = await runCommand(prepare(options(["x"])), call)
    expect(inFolder?.hint).to.equal("try `datamaestro --host cluster --data '/a b' search TERM`")
    const message = "see `datamaestro --host cluster --data '/a b' verify x`"
    expect(call.reporter.events.map(({ event }) => event)).to.deep.include({ phase: "notice", level: "info", message })
    const removing = orphans({ size: false, remove: true, force: false })
    const unasked = await rejection(runCommand(removing, testInvocation({ host: ["cluster"], data: "/d", open })))
    expect(unasked.hint).to.contain("`datamaestro --host cluster --data /d orphans`")
  })

  it("keys results of several hosts by host; a failing host stops no other, and the first in order decides", async () => {
    const sessions: LinkedSession[] = []
    const call = testInvocation({
      host: ["a", "b", "c"],
      open: async ({ ssh }) => {
        if (ssh?.destination === "b") {
          await new Promise((resolve) => setTimeout(resolve, 20))
          throw new DatamaestroError("UNREACHABLE", 'Cannot reach "b"')
        }
        if (ssh?.destination === "c") throw new DatamaestroError("AGENT_DIED", "died")
        sessions.push(linkedSession(preparing))
        return sessions.at(-1) as LinkedSession
      },
    })
    const failure = await runCommand(prepare(options(["x"])), call)
    expect(JSON.parse(call.written)).to.deep.equal({ a: { train: { path: "/d/x" }, id: "x" } })
    expect(failure?.code).to.equal("UNREACHABLE")
    expect(sessions.map(({ closed }) => closed)).to.deep.equal([1])
  })

  it("prefixes each line of lists with the host", async () => {
    const call = testInvocation({ host: ["h1", "h2"], open: () => linkedSession(preparing) })
    await runCommand(listDatafolders(), call)
    expect(call.written).to.equal("h1\ta\t/a\nh1\tb\t/b\nh2\ta\t/a\nh2\tb\t/b\n")
  })

  it("prints KEY<TAB>PATH with one host as without", async () => {
    const written = await Promise.all(
      [[], ["h"]].map(async (host) => {
        const call = testInvocation({ host, open: () => linkedSession(preparing) })
        await runCommand(listDatafolders(), call)
        return call.written
      }),
    )
    expect(written).to.deep.equal(["a\t/a\nb\t/b\n", "a\t/a\nb\t/b\n"])
  })

  it("prints every result as JSON when asked to, by host when there are several", async () => {
    const one = testInvocation({ json: true, open: () => linkedSession(preparing) })
    await runCommand(listDatafolders(), one)
    expect(JSON.parse(one.written)).to.deep.equal({ a: "/a", b: "/b" })
    const two = testInvocation({ json: true, host: ["h", "g"], open: () => linkedSession(preparing) })
    await runCommand(listDatafolders(), two)
    expect(JSON.parse(two.written)).to.deep.equal({ h: { a: "/a", b: "/b" }, g: { a: "/a", b: "/b" } })
  })

  it("leaves the value out for download", async () => {
    const plain = testInvocation({ open: () => linkedSession(preparing) })
    await runCommand(prepare(options(["x"], { printValue: false })), plain)
    const json = testInvocation({ json: true, open: () => linkedSession(preparing) })
    await runCommand(prepare(options(["x"], { printValue: false })), json)
    expect([plain.written, json.written]).to.deep.equal(["", '{"id":"x","repository":"test"}\n'])
  })

  it("passes on what the options and the user settings say", async () => {
    const seen: unknown[] = []
    const session = linkedSession({
      "datasets/prepare": ({ job, ...params }) => {
        expect(job).to.match(/^[a-z0-9]{8}$/)
        seen.push(params)
        return { id: params.id, repository: "r", value: {} }
      },
    })
    const call = testInvocation({
      keepDownloads: true,
      settings: { default_repository: "image" },
      open: () => session,
    })
    await runCommand(prepare(options(["mnist"], { encoder: "xpm", download: false, force: true })), call)
    expect(seen).to.deep.equal([
      {
        id: "mnist",
        defaultRepository: "image",
        encoder: "xpm",
        download: false,
        force: true,
        keepDownloads: true,
        onDisconnect: "continue",
        agreements: [],
      },
    ])
  })

  it("cancels the agent's work and counts as interrupted", async () => {
    const abort = new AbortController()
    let cancelled = false
    const session = linkedSession({
      "datasets/prepare": (_params, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            cancelled = true
            reject(new DatamaestroError("INTERRUPTED", "Interrupted"))
          })
          abort.abort()
        }),
    })
    const call = testInvocation({ signal: abort.signal, open: () => session })
    const failure = await runCommand(prepare(options(["x"])), call)
    expect([failure?.exitStatus, cancelled, session.closed]).to.deep.equal([130, true, 1])
  })

  it("prints what succeeded before an interruption, and nothing when nothing had", async () => {
    const run = async (host: string[], ids: string[], fast?: string): Promise<string> => {
      const abort = new AbortController()
      let waiting = 0
      let fastOne: LinkedSession | undefined
      const open = ({ ssh }: { ssh?: { destination: string } | undefined }): LinkedSession => {
        const session = linkedSession({
          "datasets/prepare": async ({ id }) => {
            if (session === fastOne) return { id, repository: "test", value: { path: "/d" } }
            waiting++
            await until(() => (fast === undefined ? waiting === host.length * ids.length : fastOne?.closed === 1))
            abort.abort()
            throw new DatamaestroError("INTERRUPTED", "Interrupted")
          },
        })
        if (ssh?.destination === fast) fastOne = session
        return session
      }
      const call = testInvocation({ host, signal: abort.signal, open })
      expect((await runCommand(prepare(options(ids)), call))?.exitStatus).to.equal(130)
      return call.written
    }
    expect(await run(["a", "b"], ["x"])).to.equal("")
    expect(await run(["a", "b"], ["x", "y"])).to.equal("")
    expect(await run(["a"], ["x", "y"])).to.equal("")
    expect(await run(["b", "a"], ["x"], "b")).to.equal('{"b":{"path":"/d","id":"x"}}\n')
  })

  it("does not wait for ever for an agent that ignores the cancellation", async () => {
    const abort = new AbortController()
    const session = linkedSession({
      "datasets/prepare": () => {
        abort.abort()
        return new Promise(() => {})
      },
    })
    const call = testInvocation({ signal: abort.signal, open: () => session })
    const failure = await runCommand(prepare(options(["x"])), call)
    expect([failure?.code, session.closed]).to.deep.equal(["INTERRUPTED", 1])
  })

  it("warns of settings of a host that it can't follow, and once of what the agent has to tell", async () => {
    const call = testInvocation({
      host: ["cluster"],
      settings: { hosts: { cluster: { host: "login.example.org", node: "/n", data: "/x", engine: "pbs" } } },
      open: ({ ssh, node, dataSetting, onEvent }) => {
        expect([ssh?.destination, node, dataSetting]).to.deep.equal(["login.example.org", "/n", "/x"])
        const message = "the login shell did not answer"
        // As whoever starts the agent tells it, again each time that it is started.
        onEvent({ phase: "notice", level: "warning", message })
        return linkedSession(preparing, { warnings: [message] })
      },
    })
    await runCommand(listDatafolders(), call)
    const messages = call.reporter.events.map(({ event }) => (event.phase === "notice" ? event.message : event.phase))
    expect(messages[0]).to.contain('"engine" of the host "cluster"')
    expect(messages.slice(1)).to.deep.equal(["the login shell did not answer"])
  })

  it("keeps a list's line a line, whatever a definition says", async () => {
    const hits = [{ id: "x", repository: "r", name: "a\tb\nforged\u001b[2J" }]
    const call = testInvocation({ open: () => linkedSession({ "datasets/search": () => ({ hits, warnings: [] }) }) })
    await runCommand(search(["x"]), call)
    expect(call.written).to.equal("x\tr\ta b forged [2J\n")
  })

  it("says where it looks when nothing matches", async () => {
    const none = { "datasets/search": () => ({ hits: [], warnings: [] }) }
    const call = testInvocation({ open: () => linkedSession(none) })
    await runCommand(search(["question answering"]), call)
    expect(call.written).to.equal("")
    expect(call.reporter.events.map(({ event }) => event)).to.deep.equal([
      {
        phase: "notice",
        level: "info",
        message:
          "No dataset matches question answering: a term without a prefix is for the id; tag:, task:, repo: and type: look elsewhere",
      },
    ])
  })

  it("makes a relative data folder absolute on this machine only", async () => {
    const paths: string[] = []
    const handlers: Partial<AgentHandlers> = {
      "datafolders/set": ({ path }) => {
        paths.push(path)
        return { path }
      },
    }
    for (const host of [[], ["h"]]) {
      await runCommand(setDatafolder("k", "rel"), testInvocation({ host, open: () => linkedSession(handlers) }))
    }
    expect(paths).to.deep.equal([`${process.cwd()}/rel`, "rel"])
  })

  it("prints the facts of a dataset as lines", async () => {
    const session = linkedSession({
      "datasets/info": ({ id }) => ({
        id,
        repository: "image",
        description: "Two\nlines",
        type: "Supervised",
        tags: ["a", "b"],
        tasks: [],
        path: "/d/data/image/x",
        state: "none",
        resources: [{ name: "r", kind: "file", urls: ["http://h/f"], integrity: ["md5 00"], state: "none" }],
        axes: { dim: { domain: [50, 100], default: 50 } },
      }),
    })
    const call = testInvocation({ open: () => session })
    await runCommand(info("x"), call)
    expect(call.written.split("\n")).to.include.members([
      "id: x",
      "description: Two",
      "  lines",
      "tags: a, b",
      "axis dim: 50, 100 (default 50)",
      "state: none",
      "resource r: file, none",
      "  from http://h/f",
    ])
  })
})
