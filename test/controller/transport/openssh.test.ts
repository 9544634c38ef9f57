import { expect } from "chai"
import type { DatamaestroError } from "@datamaestro/protocol"
import { execFile, execFileSync, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, statSync } from "node:fs"
import { appendFile, chmod, mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises"
import { createServer, type AddressInfo } from "node:net"
import { userInfo } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { promisify } from "node:util"
import { connectSsh } from "../../../packages/controller/src/transport/connect-ssh.ts"
import type { Transport } from "../../../packages/controller/src/transport/transport.ts"
import { noSshServerHint } from "../../../packages/controller/src/transport/no-ssh-server-hint.ts"
import { openAskpass } from "../../../packages/controller/src/transport/openssh-askpass.ts"
import { startSshAgent } from "../../helpers/ssh-agent.ts"
import { generateKey, temporaryFolder } from "../../helpers/ssh-client-files.ts"
import { skipWithoutSshd } from "../../helpers/sshd.ts"
import { testServers } from "../../helpers/test-servers.ts"
import { connectTo, failureOf, nobody, outputOf, person, runOn, type ConnectFixture } from "./ssh-fixtures.ts"

const SECRET = "hunter2-Zq9"

describe("the system's ssh as transport", function () {
  this.timeout(30_000)
  const { cleanups, folder, serve, serveBySshd } = testServers()
  before(function () {
    skipWithoutSshd(this)
  })

  const attempt = (server: { configFile: string }, fixture: ConnectFixture = {}): ReturnType<typeof connectTo> =>
    connectTo(server, { transport: "openssh", ...fixture })
  const connect = async (...args: Parameters<typeof attempt>): ReturnType<typeof connectTo> => {
    const transport = await attempt(...args)
    cleanups.push(() => transport.close())
    return transport
  }
  const append = async (server: { configFile: string }, lines: string): Promise<string> => {
    const file = join(await folder(), "config")
    await writeFile(file, `${lines}\n${await readFile(server.configFile, "utf8")}`)
    return file
  }
  /** For temporary files of this test alone: other tests that use `ssh` run beside it. */
  const ownTemporaryFolder = async (): Promise<string> => {
    const { path, remove } = await temporaryFolder("t-")
    const former = process.env["TMPDIR"]
    process.env["TMPDIR"] = path
    cleanups.push(async () => {
      if (former === undefined) delete process.env["TMPDIR"]
      else process.env["TMPDIR"] = former
      await remove()
    })
    return path
  }

  it("logs in once for all channels, and leaves nothing behind", async () => {
    const server = await serve()
    const own = await ownTemporaryFolder()
    const transport = await attempt(server)
    expect(transport.address).to.equal(`tester@127.0.0.1:${server.port}`)
    const outputs = await Promise.all(["1", "2"].map((word) => runOn(transport, `cat; echo ${word}`, "in ")))
    expect(outputs.map(({ stdout }) => stdout)).to.deep.equal(["in 1\n", "in 2\n"])
    expect(server.connections).to.equal(1)
    expect(await readdir(own)).to.have.length(1)
    await transport.close()
    expect(await readdir(own)).to.deep.equal([])
    expect((await failureOf(transport.exec("true"))).code).to.equal("CONNECTION_LOST")
  })

  it("logs in again where a second session is refused, and tells so where it can't", async () => {
    const limited = { maxSessions: 1, countsEndedSessions: true }
    const open = await connect(await serve(limited))
    for (const word of ["1", "2"])
      expect((await runOn(open, `cat; echo ${word}`, "in ")).stdout).to.equal(`in ${word}\n`)
    await runOn(open, "true")
    const ended = await runOn(open, "exit 255")
    expect(ended.stderr).to.contain("session request failed")
    expect(ended.code).to.equal(255)
    const asking = await serve({ ...limited, password: SECRET, requiredMethods: ["password"] })
    const transport = await connect(asking, { prompter: person(SECRET) })
    expect((await runOn(transport, "echo 1")).stdout).to.equal("1\n")
    const { error } = await runOn(transport, "echo 2")
    expect(error).to.have.property("message", 'Cannot run a command on "machine": it allows no further session')
    expect(error).to.have.property("hint").that.contains("MaxSessions")
  })

  it("leaves aside what the configuration says of interactive sessions", async () => {
    const server = await serve()
    const lines = "RemoteCommand echo no\nRequestTTY force\nLocalForward 1 127.0.0.1:1\nForwardX11 yes"
    const transport = await connect({ configFile: await append(server, lines) })
    expect((await runOn(transport, "echo yes")).stdout).to.equal("yes\n")
  })

  it("leaves aside what the configuration says of tunnels", async function () {
    const server = await serve()
    const configFile = await append(server, "StdinNull yes\nForkAfterAuthentication yes\nSessionType none")
    // Before 8.7 ssh has none of these words.
    if (spawnSync("ssh", ["-G", "-F", configFile, "machine"]).status !== 0) this.skip()
    const transport = await connect({ configFile })
    expect((await runOn(transport, "cat; echo yes", "in ")).stdout).to.equal("in yes\n")
  })

  it("asks through the prompter: passphrase, password, and whether to trust a host", async () => {
    const path = await folder()
    const key = generateKey("ed25519", SECRET)
    await writeFile(join(path, "key"), key.private, { mode: 0o600 })
    const server = await serve({
      authorizedKeys: [key.public],
      requiredMethods: ["publickey", "password"],
      password: "pw-1",
    })
    await writeFile(server.knownHostsFile, "")
    const someone = person("yes", SECRET, "pw-1")
    const config = (await readFile(server.configFile, "utf8")).replace(
      /IdentityFile .*/,
      `IdentityFile ${join(path, "key")}`,
    )
    await writeFile(join(path, "config"), config)
    const notices: string[] = []
    await connect({ configFile: join(path, "config") }, { prompter: someone, notices })
    expect(someone.asked.map(({ hidden }) => hidden)).to.deep.equal([false, true, true])
    expect(someone.asked[0]?.preface).to.match(/^The authenticity of .*\n.*SHA256:/)
    expect(notices.join("\n")).to.match(/Permanently added/)
    expect(notices.join("\n")).not.to.match(/hunter2|pw-1/)
    expect(await readFile(server.knownHostsFile, "utf8")).to.contain(`[127.0.0.1]:${server.port}`)
  })

  it("tells before a question what ssh says, such as why it asks again", async () => {
    const server = await serve({ password: "right" })
    const someone = person("wrong", "right")
    await connect(server, { prompter: someone, options: ["PubkeyAuthentication=no"] })
    const asked = { text: `tester@127.0.0.1's password:`, hidden: true }
    const again = { ...asked, preface: "Permission denied, please try again." }
    expect(someone.asked).to.deep.equal([asked, again])
  })

  it("tells of a touch that ssh waits for, and shows what is typed to agree", async () => {
    const someone = person("yes")
    const told: string[] = []
    const askpass = await openAskpass(await folder(), {
      prompter: someone,
      onNotice: ({ message }) => told.push(message),
    })
    cleanups.push(() => askpass.close())
    const run = promisify(execFile)
    const ask = async (words: string, hint?: string): Promise<string> => {
      const env = { ...askpass.environment, ...(hint === undefined ? {} : { SSH_ASKPASS_PROMPT: hint }) }
      return (await run(askpass.environment["SSH_ASKPASS"] ?? "", [words], { env })).stdout
    }
    expect(await ask("Confirm user presence for key ED25519-SK SHA256:abc", "none")).to.equal("\n")
    expect(told).to.deep.equal(["Confirm user presence for key ED25519-SK SHA256:abc"])
    expect(await ask("Please type 'yes', 'no' or the fingerprint: ")).to.equal("yes\n")
    expect(someone.asked).to.deep.equal([{ text: "Please type 'yes', 'no' or the fingerprint:", hidden: false }])
  })

  it("gives up when the person does", async () => {
    const server = await serve({ password: "pw" })
    const options = ["PubkeyAuthentication=no"]
    expect((await failureOf(attempt(server, { prompter: person(), options }))).code).to.equal("INTERRUPTED")
  })

  it("does without a temporary folder that is too deep for sockets, or not there", async () => {
    const server = await serve()
    const deep = join(await folder(), "d".repeat(90))
    await mkdir(deep)
    const before = process.env["TMPDIR"]
    try {
      for (const path of [deep, "/no/such/folder"]) {
        process.env["TMPDIR"] = path
        const transport = await connect(server)
        expect((await runOn(transport, "echo in")).stdout).to.equal("in\n")
      }
    } finally {
      if (before === undefined) delete process.env["TMPDIR"]
      else process.env["TMPDIR"] = before
    }
  })

  it("says of each failure what it is", async () => {
    const server = await serve({ password: "pw" })
    const code = async (fixture: ConnectFixture): Promise<string> => {
      const error = await failureOf(attempt(server, fixture))
      expect(error.hint, error.message).to.be.a("string")
      expect(error.exitStatus).to.equal(error.code === "USAGE" ? 2 : 8)
      return error.code
    }
    expect(await code({ options: ["Port=1"] })).to.equal("UNREACHABLE")
    expect(await code({ options: ["HostName=no.such.host.invalid"] })).to.equal("UNREACHABLE")
    expect(await code({ options: ["UserKnownHostsFile=/dev/null"] })).to.equal("HOST_KEY_UNKNOWN")
    const none = ["UserKnownHostsFile=none", "StrictHostKeyChecking=accept-new"]
    expect((await failureOf(attempt(server, { options: none }))).hint).to.contain("by UserKnownHostsFile")
    const nobodys = await failureOf(attempt(server, { options: ["IdentityAgent=~no-such-user/x"] }))
    expect([nobodys.code, nobodys.message]).to.deep.equal([
      "SSH_CONFIGURATION",
      'Cannot use the SSH configuration of "machine": tilde_expand: No such user no-such-user',
    ])
    expect(await code({ options: ["PubkeyAuthentication=no"] })).to.equal("AUTHENTICATION_FAILED")
    expect(await code({ options: ["KexAlgorithms=diffie-hellman-group1-sha1"] })).to.equal("UNREACHABLE")
    const [hostType = "", hostBlob = ""] = (server.hostKeys[0] ?? "").split(" ")
    const revoked = join(await folder(), "revoked")
    await writeFile(revoked, `${hostType} ${hostBlob}\n`)
    const refused = await failureOf(attempt(server, { options: [`RevokedHostKeys=${revoked}`] }))
    expect([refused.code, refused.hint]).to.deep.equal([
      "HOST_KEY_CHANGED",
      "the key is known to be in wrong hands: ask the machine's administrators for the new one",
    ])
    expect(await code({ options: ["RevokedHostKeys=/no/such/file"] })).to.equal("SSH_CONFIGURATION")
    expect(await code({ options: ["ProxyCommand=nc %Z"] })).to.equal("SSH_CONFIGURATION")
    const noWay = await failureOf(attempt(server, { options: ["ProxyCommand=false"] }))
    expect([noWay.code, noWay.hint]).to.deep.equal([
      "UNREACHABLE",
      'its ProxyCommand or jump host makes no connection: "ssh machine" shows what that says',
    ])
    const garbage = await failureOf(attempt(server, { options: ["ProxyCommand=yes"] }))
    expect(garbage.code).to.equal("UNREACHABLE")
    expect(garbage.hint).to.match(/^run its ProxyCommand by hand: .* "SSH-2\.0-": yes$/)
    const hangsUp = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1")
    cleanups.push(() => void hangsUp.close())
    await once(hangsUp, "listening")
    const { port } = hangsUp.address() as AddressInfo
    const closed = await failureOf(attempt(server, { options: [`Port=${port}`] }))
    expect([closed.code, closed.hint]).to.deep.equal(["UNREACHABLE", noSshServerHint(port)])
    expect(await code({ options: ["Frobnicate=yes"] })).to.equal("USAGE")
    expect(await code({ options: ["Port=99999"] })).to.equal("USAGE")
    expect(await code({ configFile: "/no/such/file" })).to.equal("USAGE")
    const [, type = "", blob = ""] = (await readFile(server.knownHostsFile, "utf8")).split(" ")
    const other = generateKey().public.split(" ")[1] ?? ""
    await writeFile(server.knownHostsFile, `[127.0.0.1]:${server.port} ${type} ${other}\n`)
    expect(await code({})).to.equal("HOST_KEY_CHANGED")
    expect((await failureOf(attempt(server))).hint).to.contain(
      `ssh-keygen -f "${server.knownHostsFile}" -R "[127.0.0.1]:${server.port}"`,
    )
    await writeFile(server.knownHostsFile, `@revoked * ${type} ${blob}`)
    expect(await code({})).to.equal("HOST_KEY_CHANGED")
  })

  it("tells of a changed host key that StrictHostKeyChecking=no lets ssh accept", async () => {
    const server = await serve()
    const [, type = ""] = (await readFile(server.knownHostsFile, "utf8")).split(" ")
    const other = generateKey().public.split(" ")[1] ?? ""
    await writeFile(server.knownHostsFile, `[127.0.0.1]:${server.port} ${type} ${other}\n`)
    const notices: string[] = []
    await connect(server, { options: ["StrictHostKeyChecking=no"], notices })
    expect(notices).to.deep.equal([
      'warning: ssh says of "machine": REMOTE HOST IDENTIFICATION HAS CHANGED; StrictHostKeyChecking lets it go on',
    ])
  })

  it("tells of a key that ssh leaves out, and of no host key then", async () => {
    const server = await serve()
    const open = join(await folder(), "key")
    await writeFile(open, "", { mode: 0o644 })
    const notices: string[] = []
    await connect({ configFile: await append(server, `IdentityFile ${open}`) }, { notices })
    expect(notices).to.deep.equal([`warning: ssh leaves out the key "${open}": others may read it`])
  })

  it("tells of an accepted host key that could not be recorded", async () => {
    const server = await serve()
    const file = join(await folder(), "file")
    await writeFile(file, "")
    const options = ["StrictHostKeyChecking=accept-new", `UserKnownHostsFile=${file}/known_hosts`]
    const notices: string[] = []
    await connect(server, { options, notices })
    expect(notices).to.have.length(1)
    expect(notices[0]).to.match(/^info: Failed to add the host to the list of known hosts/)
  })

  it("refuses a chain of jump hosts without an end, for each of which ssh would start another", async () => {
    const server = await serve()
    const hosts = Array.from({ length: 12 }, (_, index) => `Host hop${index}\n ProxyJump hop${index + 1}`)
    const last = "Host hop12\n HostName 127.0.0.1\n Port 1"
    const configFile = await append(server, `${hosts.join("\n")}\n${last}`)
    const error = await failureOf(attempt({ configFile }, { options: ["ProxyJump=hop0"] }))
    expect(error.code).to.equal("SSH_CONFIGURATION")
    expect(error.message).to.equal('Cannot reach "machine": its ProxyJump leads through more than 8 hosts')
  })

  it("tells what a ProxyCommand or a jump host says, which ssh throws away where its connection is to be shared", async () => {
    const server = await serve()
    const options = ["ProxyCommand=sh -c 'echo The VPN is down, call 1234 >&2; echo second line >&2; exit 3'"]
    const refused = await failureOf(attempt(server, { options }))
    expect(refused.code).to.equal("UNREACHABLE")
    expect(refused.message).to.match(/: its ProxyCommand or jump host says: The VPN is down, call 1234\nsecond line$/)
    expect(refused.hint).to.equal(
      'check that "ssh machine" works: it goes the same way, and shows all that is said there',
    )
    const silent = ["ProxyCommand=sh -c 'echo waiting for a token >&2; sleep 600'", "ConnectTimeout=1"]
    const late = await failureOf(attempt(server, { options: silent }))
    expect(late.message).to.match(/: its ProxyCommand or jump host says: waiting for a token$/)
    const configFile = await append(server, `Host gate\n HostKeyAlias nobody-knows-it\nHost machine\n ProxyJump gate`)
    const jump = await failureOf(attempt({ configFile }, { options: ["StrictHostKeyChecking=yes"] }))
    expect(jump.message).to.match(/jump host says: [^]*Host key verification failed\.$/)
    await appendFile(server.knownHostsFile, `nobody-knows-it ssh-ed25519 ${generateKey().public.split(" ")[1]}\n`)
    const changed = await failureOf(attempt({ configFile }))
    expect(changed.message).to.match(/says: [^]*has changed [^]*verification failed\.$/)
    expect(changed.message, "what trusts it stands behind the warning").not.to.contain("ssh-keygen")
  })

  it("leaves nothing of a way that leads nowhere: neither when that failed, nor when it is interrupted", async () => {
    const server = await serve()
    const path = await folder()
    const way = async (name: string): Promise<number> => {
      for (;;) {
        const pid = Number(await readFile(join(path, name), "utf8").catch(() => ""))
        if (pid > 0) return pid
        await sleep(20)
      }
    }
    const isRunning = (pid: number): boolean => {
      try {
        return process.kill(pid, 0)
      } catch {
        return false
      }
    }
    const gone = async (pid: number): Promise<void> => {
      while (isRunning(pid)) await sleep(20)
    }
    // As a jump host that is not there: it doesn't look whether ssh is still there.
    const options = (name: string): string[] => [
      `ProxyCommand=sh -c 'echo $$ > ${join(path, name)}; exec sleep 600'`,
      "ConnectTimeout=2",
    ]
    const failed = await failureOf(attempt(server, { options: options("failed") }))
    expect(failed.code).to.equal("UNREACHABLE")
    await gone(await way("failed"))
    const abort = new AbortController()
    const failing = failureOf(attempt(server, { options: options("left"), signal: abort.signal }))
    const pid = await way("left")
    abort.abort()
    expect((await failing).code).to.equal("INTERRUPTED")
    await gone(pid)
    // The same where the configuration itself asks a command (Match exec).
    const command = `sh -c 'echo $$ > ${join(path, "asked")}; exec sleep 600'`
    const configFile = await append(server, `Match exec "${command}"\n ConnectTimeout 3\nHost *`)
    const stop = new AbortController()
    const reading = failureOf(attempt({ configFile }, { signal: stop.signal }))
    const asked = await way("asked")
    stop.abort()
    expect((await reading).code).to.equal("INTERRUPTED")
    await gone(asked)
  })

  it("goes on without an SSH agent that takes questions and never answers", async () => {
    const server = await serve()
    const socket = join(await folder(), "agent")
    const silent = createServer((client) => void client.resume()).listen(socket)
    cleanups.push(() => void silent.close())
    await once(silent, "listening")
    const notices: string[] = []
    const transport = await connect(server, { options: [`IdentityAgent=${socket}`], notices })
    expect((await runOn(transport, "echo in")).stdout).to.equal("in\n")
    expect(notices).to.deep.equal([`warning: The SSH agent at "${socket}" does not answer: ssh goes on without it`])
  })

  it("refuses a pipe as configuration, into which nobody may ever write", async () => {
    const pipe = join(await folder(), "pipe")
    execFileSync("mkfifo", [pipe])
    for (const transport of ["openssh", undefined] as const) {
      const target = { destination: "machine", configFile: pipe, identityFiles: [], options: [], transport }
      const error = await failureOf(connectSsh(target, { prompter: nobody, onNotice: () => undefined }))
      expect(error.code).to.equal("USAGE")
      expect(error.message).to.equal(`Cannot read SSH configuration "${pipe}": it is a pipe, not a file`)
    }
  })

  it("removes what killed ones have left in the temporary folder, and nothing else", async () => {
    const server = await serve()
    const own = await ownTemporaryFolder()
    const long = new Date(Date.now() - 24 * 3600_000)
    const make = async (name: string, time = long): Promise<string> => {
      await mkdir(join(own, name))
      await writeFile(join(own, name, "askpass"), "")
      await utimes(join(own, name), time, time)
      return name
    }
    await make("datamaestro-ssh-killed")
    const young = await make("datamaestro-ssh-begins", new Date())
    const foreign = await make("datamaestro-other")
    const used = await make("datamaestro-ssh-in-use")
    const listens = createServer().listen(join(own, used, "s"))
    cleanups.push(() => void listens.close())
    await once(listens, "listening")
    await utimes(join(own, used), long, long)
    const transport = await attempt(server)
    await transport.close()
    expect((await readdir(own)).toSorted()).to.deep.equal([young, used, foreign].toSorted())
  })

  it("says so where there is no ssh", async () => {
    const path = process.env["PATH"]
    const server = await serve()
    process.env["PATH"] = await folder()
    try {
      const error = await failureOf(attempt(server))
      expect(error).to.include({ code: "SSH_CONFIGURATION" })
      expect(error.message).to.contain("not installed")
    } finally {
      process.env["PATH"] = path
    }
  })

  for (const moment of ["connected", "authenticating", "authenticated", "session", "exec"] as const) {
    it(`classifies a connection that is cut at "${moment}"`, async () => {
      const server = await serve({ onMoment: (now, drop) => (now === moment ? drop() : undefined) })
      const failing = attempt(server).then(async (transport) => {
        cleanups.push(() => transport.close())
        const output = await runOn(transport, "sleep 5")
        throw output.error ?? new Error("nothing was lost")
      })
      expect((await failureOf(failing)).code).to.equal(moment === "connected" ? "UNREACHABLE" : "CONNECTION_LOST")
    })
  }

  it("ends its channels with the reason when the connection breaks", async () => {
    const server = await serve()
    const transport = await connect(server)
    const channel = await transport.exec("echo begun; sleep 30")
    await once(channel.stdout, "data")
    server.drop()
    expect((await channel.ended).error).to.have.property("code", "CONNECTION_LOST")
  })

  describe("when what it runs is ended or stopped from outside", () => {
    /** The processes of ssh for this test's connection: the one that keeps it, and the one that runs a program over it. */
    const sshBelow = (own: string): { master: () => number; program: () => number } => {
      const lines = execFileSync("ps", ["-A", "-ww", "-o", "pid=,args="], { encoding: "utf8" }).split("\n")
      const ours = lines.filter((line) => line.includes(own))
      // Not of what is not there: signals to process 0 are for whoever runs these tests, too.
      const pid = (found: (line: string) => boolean): number => {
        const line = ours.find(found)
        if (line === undefined) throw new Error(`there is no such process among these:\n${ours.join("\n")}`)
        return Number.parseInt(line)
      }
      return {
        master: () => pid((line) => line.includes(" -N ")),
        program: () => pid((line) => !line.includes(" -N ")),
      }
    }

    it("takes the end of its ssh for that of the connection, not of the program", async () => {
      const server = await serve()
      const own = await ownTemporaryFolder()
      const transport = await connect(server)
      const channel = await transport.exec("echo begun; sleep 30")
      await once(channel.stdout, "data")
      process.kill(sshBelow(own).program(), "SIGKILL")
      const { error } = await channel.ended
      expect(error).to.have.property("code", "CONNECTION_LOST")
      expect(error?.message).to.contain("ssh was ended by SIGKILL")
    })

    it("closes a connection whose ssh hangs", async () => {
      const server = await serve()
      const own = await ownTemporaryFolder()
      const transport = await attempt(server)
      const channel = await transport.exec("echo begun; sleep 30")
      await once(channel.stdout, "data")
      const master = sshBelow(own).master()
      process.kill(master, "SIGSTOP")
      cleanups.push(() => void process.kill(master, "SIGKILL"))
      await transport.close()
      expect(await readdir(own)).to.deep.equal([])
    })
  })

  it("uses the person's shared connection, and leaves it", async () => {
    const path = await folder()
    const server = await serve()
    const shared = `Host *\n ControlPath ${join(path, "c")}\n ControlMaster auto\n ControlPersist 60`
    const configFile = await append(server, shared)
    const control = (command: string): string =>
      execFileSync("ssh", ["-F", configFile, "-O", command, "machine"], { encoding: "utf8", stdio: "pipe" })
    await (await attempt({ configFile })).close()
    cleanups.push(() => void control("exit"))
    control("check")
    const transport = await attempt({ configFile })
    expect((await runOn(transport, "echo shared")).stdout).to.equal("shared\n")
    await transport.close()
    control("check")
    expect(server.connections).to.equal(1)
  })

  describe("with certificates", () => {
    const certify = (path: string, name: string, ...args: string[]): void =>
      void execFileSync("ssh-keygen", ["-q", "-s", join(path, "ca"), "-I", name, ...args], { stdio: "pipe" })

    it("tells of those that are over, in a file or in the agent, which the server refuses without a word", async () => {
      const path = await folder()
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(path, "ca")])
      const sshd = await serveBySshd({ config: [`TrustedUserCAKeys ${join(path, "ca.pub")}`] })
      const plain = (await readFile(sshd.configFile, "utf8")).replace(/.*(Identit(y|ies)).*\n/g, "")
      const hintOf = async (lines: string): Promise<string> => {
        await writeFile(join(path, "config"), `${plain}${lines}`)
        const error = await failureOf(attempt({ configFile: join(path, "config") }))
        expect(error.code).to.equal("AUTHENTICATION_FAILED")
        return error.hint ?? ""
      }
      for (const type of ["ed25519", "rsa", "ecdsa"]) {
        const key = join(path, type)
        execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-f", key])
        certify(path, "me", "-n", userInfo().username, "-V", "20200101Z:20200102030405Z", `${key}.pub`)
        expect(await hintOf(`  IdentityFile ${key}\n  IdentitiesOnly yes\n`)).to.contain(
          `over is "${key}-cert.pub" (2020-01-02T03:04:05.000Z)`,
        )
      }
      const agent = await startSshAgent()
      cleanups.push(() => agent.stop())
      agent.add(join(path, "ed25519"))
      await rm(join(path, "ed25519-cert.pub"))
      expect(await hintOf(`  IdentityAgent ${agent.socket}\n`)).to.match(/ of the SSH agent \(2020-01-02T03:04:05/)
      certify(path, "me", "-V", "20990102Z:20990103Z", join(path, "ed25519.pub"))
      expect(await hintOf(`  IdentityFile ${join(path, "ed25519")}\n  IdentitiesOnly yes\n`))
        .to.match(/not yet valid is ".*ed25519-cert\.pub" \(2099-01-02T00:00:00/)
        .and.contain("clock")
      // One that is good, or good for ever, is no reason.
      const others = `  IdentityFile ${join(path, "ed25519")}\n  IdentitiesOnly yes\n`
      certify(path, "me", "-n", "nobody,somebody", join(path, "ed25519.pub"))
      expect(await hintOf(others)).to.contain(`for others is "${join(path, "ed25519")}-cert.pub" (nobody, somebody)`)
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(path, "other")])
      execFileSync("ssh-keygen", [
        "-q",
        "-s",
        join(path, "other"),
        "-I",
        "me",
        "-n",
        userInfo().username,
        join(path, "ed25519.pub"),
      ])
      expect(await hintOf(others)).to.match(/revoked, or of an authority .* it was not taken, ".*ed25519-cert\.pub"/)
    })

    it("tells what is wrong with that of a host key", async () => {
      const path = await folder()
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(path, "ca")])
      const sshd = await serveBySshd({ config: [`HostCertificate ${join(path, "host-cert.pub")}`] })
      await writeFile(join(path, "host.pub"), `${sshd.hostKeys[0]}\n`)
      await writeFile(sshd.knownHostsFile, `@cert-authority * ${await readFile(join(path, "ca.pub"), "utf8")}`)
      const hintOf = async (...args: string[]): Promise<string> => {
        certify(path, "host", "-h", ...args, join(path, "host.pub"))
        const starts = (): number => sshd.log().split("Server listening").length
        const before = starts()
        process.kill(sshd.pid, "SIGHUP")
        while (starts() === before) await sleep(20)
        const error = await failureOf(attempt(sshd))
        expect(error.code).to.equal("HOST_KEY_UNKNOWN")
        return error.hint ?? ""
      }
      expect(await hintOf("-n", "127.0.0.1", "-V", "20200101:20200102")).to.contain("renew the certificate")
      expect(await hintOf("-n", "elsewhere"))
        .to.contain("HostKeyAlias")
        .and.contain('not for "127.0.0.1"')
    })

    it("logs in by one, and trusts the host by its authority; chosen unasked", async () => {
      const path = await folder()
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(path, "ca")])
      const authority = (await readFile(join(path, "ca.pub"), "utf8")).trim()
      const key = generateKey()
      await writeFile(join(path, "key"), key.private, { mode: 0o600 })
      await writeFile(join(path, "key.pub"), key.public)
      certify(path, "me", "-n", userInfo().username, join(path, "key.pub"))
      const sshd = await serveBySshd({ config: [`TrustedUserCAKeys ${join(path, "ca.pub")}`] })
      const config = (await readFile(sshd.configFile, "utf8")).replace(
        /IdentityFile .*/,
        `IdentityFile ${join(path, "key")}`,
      )
      await writeFile(join(path, "config"), config)
      const notices: string[] = []
      const transport = await connectSsh(
        { destination: "machine", configFile: join(path, "config"), identityFiles: [], options: [] },
        { prompter: nobody, onNotice: ({ message }) => notices.push(message) },
      )
      cleanups.push(() => transport.close())
      expect((await runOn(transport, "echo in")).stdout).to.equal("in\n")
      expect(notices).to.have.length(1)
      expect(notices[0]).to.match(/^Using the system's ssh for "machine".*key-cert\.pub/)

      // The same where the certificate is in an agent alone.
      const agent = await startSshAgent()
      cleanups.push(() => agent.stop())
      agent.add(join(path, "key"))
      await rm(join(path, "key-cert.pub"))
      const byAgent = config.replace(/.*(IdentityFile|IdentitiesOnly|IdentityAgent).*\n/g, "")
      await writeFile(join(path, "config"), `${byAgent}  IdentityAgent ${agent.socket}\n`)
      const held = await connectSsh(
        { destination: "machine", configFile: join(path, "config"), identityFiles: [], options: [] },
        { prompter: nobody, onNotice: ({ message }) => notices.push(message) },
      )
      cleanups.push(() => held.close())
      expect((await runOn(held, "echo in")).stdout).to.equal("in\n")
      expect(notices[1]).to.match(/lacks the certificate ".*" of the SSH agent$/)

      // Where the built-in client was asked for, or there is no other, its failure says so.
      const refusal = async (transport: "ssh2" | undefined): Promise<DatamaestroError> => {
        const target = {
          destination: "machine",
          configFile: join(path, "config"),
          identityFiles: [],
          options: [],
          transport,
        }
        return await failureOf(connectSsh(target, { prompter: nobody, onNotice: () => undefined }))
      }
      const forced = await refusal("ssh2")
      expect(forced.code).to.equal("AUTHENTICATION_FAILED")
      expect(forced.message).to.match(/tried .*; the built-in client lacks the certificate ".*" of the SSH agent$/)
      expect(forced.hint).to.match(/^leave --transport ssh2 out/)
      const { PATH } = process.env
      process.env["PATH"] = path
      try {
        expect((await refusal(undefined)).hint).to.match(/^install OpenSSH's client/)
      } finally {
        process.env["PATH"] = PATH
      }

      await writeFile(sshd.knownHostsFile, `@cert-authority * ${authority}\n`)
      const untrusted = { destination: "machine", configFile: sshd.configFile, identityFiles: [], options: [] }
      const error = await failureOf(connectSsh(untrusted, { prompter: nobody, onNotice: () => undefined }))
      expect(error.code).to.equal("HOST_KEY_UNKNOWN")
    })
  })

  describe("chosen by itself", () => {
    it("where a shared connection of the person's own is open, and no longer", async () => {
      const path = await folder()
      const sshd = await serveBySshd()
      const socket = join(path, "c")
      await writeFile(join(path, "config"), `ControlPath ${socket}\n${await readFile(sshd.configFile, "utf8")}`)
      const ssh = (...args: string[]): void =>
        void execFileSync("ssh", ["-F", join(path, "config"), ...args, "machine"], { stdio: "ignore" })
      ssh("-fNM")
      // What let it in is gone, as a one-time code is.
      await rm(sshd.identityFile)
      const target = { destination: "machine", configFile: join(path, "config"), identityFiles: [], options: [] }
      const notices: string[] = []
      const open = (): Promise<Transport> =>
        connectSsh(target, { prompter: nobody, onNotice: ({ message }) => notices.push(message) })
      const transport = await open()
      expect((await runOn(transport, "echo in")).stdout).to.equal("in\n")
      await transport.close()
      expect(notices.join()).to.match(/^Using the system's ssh for "machine".*shared connection \(ControlPath .*\/c\)$/)
      ssh("-O", "exit")
      await writeFile(socket, "")
      expect((await failureOf(open())).code).to.equal("AUTHENTICATION_FAILED")
      expect(notices).to.have.length(1)
    })

    const choose = async (configFile: string, transport?: "ssh2"): Promise<{ notices: string[]; stdout: string }> => {
      const notices: string[] = []
      const connected = await connectSsh(
        { destination: "machine", configFile, identityFiles: [], options: [], transport },
        { prompter: nobody, onNotice: ({ level, message }) => notices.push(`${level}: ${message}`) },
      )
      cleanups.push(() => connected.close())
      return { notices, stdout: (await runOn(connected, "echo in")).stdout }
    }

    for (const line of [
      "GSSAPIAuthentication yes",
      "CanonicalizeHostname yes",
      "KexAlgorithms sntrup761x25519-sha512@openssh.com",
      "NumberOfPasswordPrompts 0",
    ]) {
      it(`where the configuration says "${line}", with a line that says so`, async () => {
        const sshd = await serveBySshd()
        const configFile = await append(sshd, line)
        const { notices, stdout } = await choose(configFile)
        expect(stdout).to.equal("in\n")
        expect(notices).to.have.length(1)
        expect(notices[0]).to.match(/^info: Using the system's ssh for "machine"/)
        expect(notices[0]?.toLowerCase()).to.contain((line.split(" ")[0] ?? "").toLowerCase())
      })
    }

    it("where the server accepts nothing that the built-in client has", async () => {
      const sshd = await serveBySshd({ config: ["Ciphers chacha20-poly1305@openssh.com"] })
      const { notices, stdout } = await choose(sshd.configFile)
      expect(stdout).to.equal("in\n")
      expect(notices.join()).to.match(/lacks every algorithm that the server accepts/)
    })

    it("not where it was asked for otherwise, nor where nothing speaks for it", async () => {
      const sshd = await serveBySshd()
      expect((await choose(sshd.configFile)).notices).to.deep.equal([])
      const configFile = await append(sshd, "GSSAPIAuthentication yes")
      expect((await choose(configFile, "ssh2")).notices).to.deep.equal([])
    })
  })

  it("stops after three log-ins that failed, without asking the server again", async () => {
    const server = await serve()
    await writeFile(server.identityFile, generateKey().private)
    await chmod(server.identityFile, 0o600)
    const target = { destination: "machine", configFile: server.configFile, identityFiles: [], options: [] }
    for (let count = 0; count < 5; count++) {
      const error = await failureOf(connectSsh(target, { prompter: nobody, onNotice: () => undefined }))
      expect(error.code).to.equal("AUTHENTICATION_FAILED")
    }
    expect(server.connections).to.equal(3)
  })

  it("keeps its sockets where nobody else can reach them", async () => {
    const server = await serve()
    const own = await ownTemporaryFolder()
    const transport = await connect(server)
    const channel = await transport.exec("cat")
    const [made = ""] = await readdir(own)
    expect(existsSync(join(own, made, "s"))).to.equal(true)
    expect(statSync(join(own, made)).mode & 0o777).to.equal(0o700)
    channel.stdin.end()
    await outputOf(channel)
  })
})
