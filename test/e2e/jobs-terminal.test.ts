import { expect } from "chai"
import { execFileSync, spawn } from "node:child_process"
import { chmod, chown, mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { LAUNCHER } from "../helpers/command-line.ts"
import { startDelayProxy } from "../helpers/delay-proxy.ts"
import { isAlive, startJobLab, until, type JobLab } from "../helpers/job-lab.ts"
import { hasPseudoTerminal, openTerminal, type Terminal } from "../helpers/pseudo-terminal.ts"
import { startSshServer, type AuthenticationMethod, type SshServer } from "../helpers/ssh-server.ts"
import {
  createTestUser,
  skipWithoutSshd,
  skipWithoutTestUsers,
  startSshd,
  type Sshd,
  type TestUser,
} from "../helpers/sshd.ts"

const PASSWORD = "pass-Word-88"

describe("jobs of a person who is asked when logging in", function () {
  this.timeout(90_000)
  let lab: JobLab
  let runs = 0
  before(function () {
    if (!hasPseudoTerminal && process.env["CI"] === undefined) this.skip()
    skipWithoutSshd(this)
  })
  beforeEach(async () => (lab = await startJobLab()))
  afterEach(() => lab.close())

  interface Options {
    /** Minutes that the connection is held. */
    hold?: string
    options?: readonly string[]
  }
  interface Session {
    terminal: Terminal
    /** What the command printed on stdout. */
    stdout(): Promise<string>
  }
  const prepare = (configFile: string, seconds: number, { hold = "off", options = [] }: Options = {}): Session => {
    const out = join(lab.folder, `out-${runs++}`)
    const words = ["-F", configFile, "--host", "cluster", "--data", lab.data, ...options, "prepare"]
    const command = [process.execPath, LAUNCHER, ...words, lab.dataset(seconds)].map((word) => `'${word}'`).join(" ")
    const env = { ...process.env, ...lab.env, DATAMAESTRO_HOLD_MINUTES: hold }
    const terminal = openTerminal(`${command} > '${out}'`, env)
    return { terminal, stdout: () => readFile(out, "utf8") }
  }
  const count = (text: string, part: string): number => text.split(part).length - 1
  const works = async (): Promise<{ job: string; pid: number }> => {
    await until(async () => (await lab.jobs()).length > 0 && (await lab.holder((await lab.jobs())[0] ?? "")) > 0)
    const [job = ""] = await lab.jobs()
    return { job, pid: await lab.holder(job) }
  }
  const expectAsIfNothingHappened = async ({ terminal, stdout }: Session, seconds: number): Promise<void> => {
    expect(await terminal.ended, terminal.screen).to.equal(0)
    expect(await lab.isRight(await stdout())).to.equal(true)
    expect(lab.origin.requestsOf(`/${seconds}/0`)).to.have.length(1)
    expect(await lab.jobs()).to.have.length(1)
  }

  describe("for a password, by OpenSSH's server", () => {
    let user: TestUser
    let sshd: Sshd
    before(function () {
      skipWithoutTestUsers(this)
    })
    beforeEach(async () => {
      user = await createTestUser()
      setPassword(PASSWORD)
      await chmod(lab.folder, 0o755)
      await mkdir(lab.data)
      await chown(lab.data, user.uid, user.uid)
      sshd = await startSshd({ user: user.name, config: ["PasswordAuthentication yes", "PubkeyAuthentication no"] })
    })
    afterEach(async () => {
      await sshd?.stop()
      await user?.remove()
    })
    const setPassword = (password: string): void => {
      const hash = execFileSync("openssl", ["passwd", "-6", password], { encoding: "utf8" }).trim()
      execFileSync("/usr/sbin/usermod", ["-p", hash, user.name])
    }

    for (const [how, more] of [
      ["", {}],
      [", over a held connection", { hold: "1" }],
      [", by the system's ssh", { options: ["--transport", "openssh"] }],
    ] as const) {
      it(`pause and go on, the password typed but once${how}`, async () => {
        const session = prepare(sshd.configFile, 8, more)
        const { terminal } = session
        await terminal.shows("assword")
        terminal.type(`${PASSWORD}\r`)
        await works()
        await sleep(1500)
        await sshd.killConnections()
        await terminal.shows("was lost; the work goes on there: reconnecting")
        await terminal.shows('Connected to "cluster" again')
        await expectAsIfNothingHappened(session, 8)
        expect(count(terminal.screen, "assword"), terminal.screen).to.equal(1)
      })
    }

    it("ask again for a password that is refused meanwhile", async () => {
      const session = prepare(sshd.configFile, 8)
      const { terminal } = session
      await terminal.shows("assword")
      terminal.type(`${PASSWORD}\r`)
      await works()
      setPassword("another-1")
      await sshd.killConnections()
      await terminal.shows("reconnecting")
      await terminal.shows("Permission denied, please try again.")
      terminal.type("another-1\r")
      await terminal.shows('Connected to "cluster" again')
      const refused = count(sshd.log(), "Failed password")
      expect(refused).to.equal(1)
      await sshd.killConnections()
      await terminal.shows('Connected to "cluster" again')
      await expectAsIfNothingHappened(session, 8)
      expect(count(sshd.log(), "Failed password")).to.equal(refused)
    })
  })

  describe("for a key and a one-time code", () => {
    let server: SshServer
    let codes: string[]
    /** From the next connection on. */
    let methods: AuthenticationMethod[]
    beforeEach(async () => {
      codes = ["111111", "222222"]
      methods = ["publickey", "keyboard-interactive"]
      server = await startSshServer({
        home: lab.home,
        requiredMethods: methods,
        keyboardInteractive: async (ask) => (await ask(["Verification code: "]))[0] === codes.shift(),
      })
    })
    afterEach(() => server.close())
    const begin = async (seconds: number): Promise<Session> => {
      const session = prepare(server.configFile, seconds)
      await session.terminal.shows("Verification code:")
      session.terminal.type("111111\r")
      await works()
      await sleep(500)
      server.drop()
      await session.terminal.shows("reconnecting")
      await session.terminal.shows("Verification code:")
      return session
    }

    it("are asked for another code, and go on", async () => {
      const session = await begin(8)
      session.terminal.type("222222\r")
      await session.terminal.shows('Connected to "cluster" again')
      await expectAsIfNothingHappened(session, 8)
    })

    it("are asked anew when the server has not waited for the answer", async () => {
      const session = await begin(30)
      const { terminal } = session
      server.drop()
      await terminal.shows("yet")
      await terminal.shows("Verification code:")
      terminal.type("222222\r")
      await terminal.shows('Connected to "cluster" again')
      terminal.type("\x03")
      expect(await terminal.ended, terminal.screen).to.equal(130)
    })

    it("end at once on Ctrl-C at the question, naming the job, which goes on", async () => {
      const { terminal } = await begin(30)
      const { job, pid } = await works()
      terminal.type("\x03")
      expect(await terminal.ended, terminal.screen).to.equal(130)
      expect(terminal.screen).to.contain(job)
      expect(isAlive(pid)).to.equal(true)
    })

    it("end at once on Ctrl-C while nothing answers, naming the job", async () => {
      const proxy = await startDelayProxy({ target: server })
      const configFile = join(lab.folder, "ssh_config")
      const text = await readFile(server.configFile, "utf8")
      await writeFile(
        configFile,
        text.replace(/Port .*/, `Port ${proxy.port}\n  HostKeyAlias [127.0.0.1]:${server.port}`),
      )
      const { terminal } = prepare(configFile, 30)
      await terminal.shows("Verification code:")
      terminal.type("111111\r")
      const { job } = await works()
      await sleep(500)
      proxy.cut()
      await proxy.close()
      await terminal.shows("Cannot reconnect")
      terminal.type("\x03")
      expect(await terminal.ended, terminal.screen).to.equal(130)
      expect(terminal.screen).to.match(new RegExp(`the work goes on there as job\\s+${job}`))
    })

    it("end without a terminal, naming the job, when the server begins to ask meanwhile", async () => {
      methods.pop()
      const words = ["-F", server.configFile, "--host", "cluster", "--data", lab.data, "prepare", lab.dataset(30)]
      // A session of its own has no terminal, wherever the tests have been started.
      const child = spawn(process.execPath, [LAUNCHER, ...words], {
        env: { ...process.env, ...lab.env },
        stdio: ["ignore", "ignore", "pipe"],
        detached: true,
      })
      let stderr = ""
      child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
      const ended = new Promise((resolve) => child.once("close", resolve))
      const { job } = await works()
      await sleep(500)
      methods.push("keyboard-interactive")
      server.drop()
      expect(await ended, stderr).to.equal(8)
      expect(stderr).to.contain('error: Cannot log in to "cluster"').and.contain(`jobs attach ${job}`)
    })
  })
})
