import { expect } from "chai"
import { join } from "node:path"
import { mock } from "node:test"
import { doctor } from "../../../packages/controller/src/commands/doctor.ts"
import type { ExaminedStep } from "../../../packages/controller/src/commands/examination.ts"
import { testInvocation } from "../../helpers/invocation.ts"
import { linkedSession, type LinkedSession } from "../../helpers/linked-session.ts"
import { privateEnvironment } from "../../helpers/private-environment.ts"
import { startSshServer } from "../../helpers/ssh-server.ts"

const HOUR = 3_600_000

describe("doctor", () => {
  it("leaves out of the times how long the person thinks", async () => {
    const environment = await privateEnvironment()
    const server = await startSshServer({ password: "secret", requiredMethods: ["password"] })
    const now = performance.now.bind(performance)
    let thought = 0
    mock.method(performance, "now", () => now() + thought)
    try {
      const asked: string[] = []
      const invocation = testInvocation({
        host: ["machine"],
        json: true,
        configFile: server.configFile,
        sshOptions: [`UserKnownHostsFile=${join(environment.path, "known_hosts")}`],
        open: () => Promise.reject(new Error("no session is asked for")),
      })
      invocation.loginPrompter = {
        available: true,
        ask: ({ text, hidden }) => {
          asked.push(text)
          thought += HOUR
          return Promise.resolve(hidden ? "secret" : "yes")
        },
      }
      await doctor({ url: "http://127.0.0.1:1/" }).execute(invocation)
      expect(asked).to.have.length(2)
      const { steps } = JSON.parse(invocation.written) as { steps: ExaminedStep[] }
      for (const name of ["host key", "authenticate"]) {
        const step = steps.find((each) => each.step === name)
        expect(step, name).to.include({ state: "ok" })
        expect(step?.milliseconds, name).to.be.within(0, HOUR / 2)
      }
    } finally {
      mock.restoreAll()
      await server.close()
      await environment.restore()
    }
  }).timeout(60_000)

  it("tells how long the internet took to answer where it tells of the internet", async () => {
    const now = performance.now.bind(performance)
    let waited = 0
    mock.method(performance, "now", () => now() + waited)
    try {
      const open = (): LinkedSession =>
        linkedSession({
          "machine/diagnose": () => {
            waited += HOUR
            return { data: { exists: true, looked: "/d" }, internet: { status: 200, milliseconds: HOUR }, proxies: {} }
          },
          "machine/time": () => ({ time: Date.now() }),
        })
      const invocation = testInvocation({ json: true, open })
      await doctor({ url: "http://127.0.0.1:1/" }).execute(invocation)
      const { steps } = JSON.parse(invocation.written) as { steps: ExaminedStep[] }
      const time = (name: string): number | undefined => steps.find(({ step }) => step === name)?.milliseconds
      expect(time("data directory")).to.be.within(0, HOUR / 2)
      expect(time("internet")).to.be.within(HOUR / 2, 2 * HOUR)
    } finally {
      mock.restoreAll()
    }
  })

  it("ends soon when it is interrupted while start-up files hang", async () => {
    const abort = new AbortController()
    const server = await startSshServer({
      shell: ["/bin/sh", "-c", "sleep 60"],
      onMoment: (moment) => {
        if (moment === "exec") setTimeout(() => abort.abort(), 300)
      },
    })
    try {
      const invocation = testInvocation({
        host: ["machine"],
        configFile: server.configFile,
        signal: abort.signal,
        open: () => Promise.reject(new Error("no session is asked for")),
      })
      const failure = await doctor({ url: "http://127.0.0.1:1/" }).execute(invocation)
      expect(failure).to.have.property("code", "INTERRUPTED")
      expect(invocation.written)
        .to.match(/^ok +authenticate/m)
        .and.match(/^failed +shell/m)
    } finally {
      await server.close()
    }
  }).timeout(15_000)
})
