import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { chmod, readFile, writeFile } from "node:fs/promises"
import { connect as tcpConnect, createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import type { Channel } from "../../../packages/controller/src/transport/transport.ts"
import { startDelayProxy, type DelayProxy } from "../../helpers/delay-proxy.ts"
import { startSshAgent } from "../../helpers/ssh-agent.ts"
import { generateKey } from "../../helpers/ssh-client-files.ts"
import type { SshServer } from "../../helpers/ssh-server.ts"
import { testServers } from "../../helpers/test-servers.ts"
import { connectTo, failureOf, nobody, outputOf, person, runOn } from "./ssh-fixtures.ts"

/** As with --expose-gc. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc")
  ;(runInNewContext("gc") as () => void)()
}

const SECRET = "hunter2-Zq9"

describe("connectSsh2", () => {
  const { cleanups, folder, serve } = testServers()

  const connect = async (...args: Parameters<typeof connectTo>): ReturnType<typeof connectTo> => {
    const transport = await connectTo(...args)
    cleanups.push(() => transport.close())
    return transport
  }

  describe("a channel", () => {
    it("carries input, output, errors and the exit status, several times on a connection", async () => {
      const server = await serve()
      const transport = await connect(server)
      expect(transport.label).to.equal("machine")
      expect(transport.address).to.equal(`tester@127.0.0.1:${server.port}`)
      expect(await runOn(transport, 'cat; echo "$HOME"; echo bad >&2; exit 3', "input\n")).to.deep.equal({
        stdout: `input\n${server.home}\n`,
        stderr: "bad\n",
        code: 3,
        signal: null,
      })
      const both = await Promise.all([runOn(transport, "sleep 0.1; echo 1"), runOn(transport, "echo 2")])
      expect(both.map((output) => output.stdout)).to.deep.equal(["1\n", "2\n"])
      expect(server.connections).to.equal(1)
    })

    it("is forgotten when it has ended, however long its connection is held", async () => {
      const transport = await connect(await serve())
      const run = async (): Promise<WeakRef<Channel>> => {
        const channel = await transport.exec("echo 1")
        await outputOf(channel)
        return new WeakRef(channel)
      }
      const channels: WeakRef<Channel>[] = []
      for (let index = 0; index < 5; index++) channels.push(await run())
      // The last ones may still be in the hands of what has just run.
      await run()
      await sleep(10)
      collectGarbage()
      expect(channels.filter((channel) => channel.deref() !== undefined)).to.deep.equal([])
      expect(await runOn(transport, "echo 2")).to.include({ stdout: "2\n" })
    })

    it("tells the signal that ended a program", async () => {
      const transport = await connect(await serve())
      expect(await runOn(transport, "kill -TERM $$")).to.include({ code: null, signal: "SIGTERM" })
    })

    it("carries 32 MiB up and down unchanged", async () => {
      const transport = await connect(await serve())
      const data = randomBytes(32 * 1024 * 1024)
      const channel = await transport.exec("cat")
      const digest = createHash("sha256")
      await Promise.all([
        pipeline(async function* () {
          for (let at = 0; at < data.length; at += 1 << 20) yield data.subarray(at, at + (1 << 20))
        }, channel.stdin),
        pipeline(channel.stdout, digest),
      ])
      expect(digest.digest("hex")).to.equal(createHash("sha256").update(data).digest("hex"))
      expect(await channel.ended).to.deep.equal({ code: 0, signal: null })
    })

    it("holds the writer back while the program doesn't read", async () => {
      const transport = await connect(await serve())
      const channel = await transport.exec("sleep 30")
      const chunk = Buffer.alloc(1 << 20)
      let written = 0
      const writing = (async () => {
        for (; written < 64; written++) {
          if (!channel.stdin.write(chunk)) await once(channel.stdin, "drain")
        }
      })()
      writing.catch(() => undefined)
      await sleep(500)
      expect(written).to.be.lessThan(10)
      channel.close()
    })

    it("holds the program back while nobody reads", async function () {
      // The server of these tests may end a channel before errors that wait for room in it.
      this.retries(3)
      const server = await serve()
      const transport = await connect(server)
      const channel = await transport.exec("head -c 50000000 /dev/zero; echo done >&2")
      await sleep(500)
      expect(server.bytes.sent).to.be.lessThan(10_000_000)
      const { stdout, stderr } = await outputOf(channel)
      expect(stdout.length).to.equal(50_000_000)
      expect(stderr).to.equal("done\n")
    })

    it("lets a writer know that the program has ended", async () => {
      const transport = await connect(await serve())
      const channel = await transport.exec("exit 4")
      expect((await outputOf(channel)).code).to.equal(4)
      const failed = new Promise((resolve) => channel.stdin.write(Buffer.alloc(10), resolve))
      expect(await failed).to.be.instanceOf(Error)
    })

    it("keeps the exit status of a program whose output nobody wanted to the end", async () => {
      const transport = await connect(await serve())
      const channel = await transport.exec("yes | head -c 10000000; exit 7")
      for await (const _ of channel.stdout) break
      channel.stderr.resume()
      expect(await channel.ended).to.include({ code: 7 })
    })

    it("compresses when it is asked to", async () => {
      const server = await serve()
      const text = "so much of the same ".repeat(100_000)
      for (const [compression, most] of [
        ["no", Number.POSITIVE_INFINITY],
        ["yes", text.length / 10],
      ] as const) {
        const transport = await connect(server, { options: [`Compression=${compression}`] })
        const before = server.bytes
        expect((await runOn(transport, "cat", text)).stdout).to.equal(text)
        const { received, sent } = server.bytes
        const [up, down] = [received - before.received, sent - before.sent]
        expect(Math.max(up, down)).to.be.lessThan(most)
        if (compression === "no") expect(Math.min(up, down)).to.be.at.least(text.length)
      }
    })

    it("close() closes the program's stdin", async () => {
      const server = await serve()
      const transport = await connect(server)
      const channel = await transport.exec(`cat > /dev/null; touch ${server.home}/noticed`)
      channel.close()
      await channel.ended
      for (let tries = 0; tries < 100; tries++) {
        if (
          await readFile(join(server.home, "noticed")).then(
            () => true,
            () => false,
          )
        )
          return
        await sleep(20)
      }
      throw new Error("the program still waits for input")
    })

    it("gives up at a signal, and says so", async () => {
      const transport = await connect(await serve())
      expect((await failureOf(transport.exec("true", { signal: AbortSignal.abort() }))).code).to.equal("INTERRUPTED")
    })

    it("reports a refused session without losing the connection", async () => {
      const transport = await connect(await serve({ maxSessions: 1 }))
      const first = await transport.exec("cat")
      expect((await failureOf(transport.exec("true"))).message).to.match(/Cannot run a command on "machine"/)
      first.stdin.end("still\n")
      expect((await outputOf(first)).stdout).to.equal("still\n")
    })

    it("asks again when it is refused for one that has ended, once", async () => {
      const transport = await connect(await serve({ maxSessions: 1, countsEndedSessions: true }))
      for (let count = 0; count < 3; count++) {
        expect((await runOn(transport, "echo in")).stdout).to.equal("in\n")
      }
      const holding = await transport.exec("cat")
      expect((await failureOf(transport.exec("true"))).message).to.include("Channel open failure")
      holding.stdin.end()
      await outputOf(holding)
    })

    it("sends the variables that the configuration names", async () => {
      const server = await serve()
      const transport = await connect(server, { options: ["SetEnv DM_ONE=1"] })
      expect((await runOn(transport, "true")).code).to.equal(0)
    })
  })

  for (const [moment, delay] of [
    ["before it connects", 0],
    ["while the server keeps silent", 50],
  ] as const) {
    it(`gives up at a signal ${moment}`, async () => {
      const sockets: Socket[] = []
      const silent = createServer((socket) => void sockets.push(socket.unref()))
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve))
      cleanups.push(() => {
        for (const socket of sockets) socket.destroy()
        silent.close()
      })
      const server = await serve()
      const abort = new AbortController()
      const options = [`Port ${(silent.address() as AddressInfo).port}`, "ConnectTimeout 15"]
      const failure = failureOf(connectTo(server, { options, signal: abort.signal }))
      setTimeout(() => abort.abort(), delay)
      expect((await failure).code).to.equal("INTERRUPTED")
    })
  }

  describe("a lost connection", () => {
    it("ends every channel with the reason, and refuses new ones", async () => {
      const server = await serve()
      const transport = await connect(server)
      const channels = await Promise.all([transport.exec("sleep 30"), transport.exec("sleep 30")])
      const writing = new Promise((resolve) => channels[0].stdin.write(Buffer.alloc(8 << 20), resolve))
      server.drop()
      for (const channel of channels) {
        const { error } = await channel.ended
        expect(error).to.have.property("code", "CONNECTION_LOST")
        expect(error?.message).to.contain("machine").and.contain(String(server.port))
      }
      expect(await writing).to.be.instanceOf(Error)
      expect((await failureOf(transport.exec("true"))).code).to.equal("CONNECTION_LOST")
    })

    it("is told from a program's end, also when the far end closes it in good order", async () => {
      const server = await serve()
      const clients: Socket[] = []
      const sockets: Socket[] = []
      const gate = createServer((socket) => {
        clients.push(socket)
        const inner = tcpConnect(server.port, "127.0.0.1")
        sockets.push(socket, inner)
        inner.on("error", () => socket.destroy())
        socket.on("error", () => inner.destroy()).pipe(inner)
        inner.on("data", (chunk: Buffer) => void (socket.writable && socket.write(chunk)))
      })
      await new Promise<void>((resolve) => gate.listen(0, "127.0.0.1", resolve))
      cleanups.push(() => {
        for (const socket of sockets) socket.destroy()
        gate.close()
      })
      const port = (gate.address() as AddressInfo).port
      const transport = await connect(server, { options: [`Port ${port}`, "StrictHostKeyChecking no"] })
      const channel = await transport.exec("sleep 30")
      for (const client of clients) client.end()
      expect((await channel.ended).error).to.have.property("code", "CONNECTION_LOST")
    })

    it("is no refusal of the command, also when the far end closes in good order before it has answered", async () => {
      const server = await serve({ onMoment: (now, _drop, end) => (now === "session" ? end() : undefined) })
      const transport = await connect(server)
      const error = await failureOf(transport.exec("true"))
      expect(error.message).to.contain("Lost the connection")
    })

    it("is noticed in the middle of an upload", async () => {
      const server = await serve()
      const transport = await connect(server)
      const channel = await transport.exec("cat > /dev/null")
      server.dropAfter(3_000_000)
      const source = async function* (): AsyncGenerator<Buffer> {
        for (let count = 0; count < 64; count++) yield Buffer.alloc(1 << 20)
      }
      const failed = await pipeline(source, channel.stdin).then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(failed).to.have.property("code", "CONNECTION_LOST")
      expect((await channel.ended).error).to.have.property("code", "CONNECTION_LOST")
    })

    it("is not taken for broken while the server sets up the session (PAM), and answers nothing", async () => {
      let proxy: DelayProxy | undefined
      const server = await serve({ onMoment: (moment) => (moment === "session" ? proxy?.hold() : undefined) })
      proxy = await startDelayProxy({ target: server })
      cleanups.push(() => proxy?.close())
      const options = [`Port=${proxy.port}`, "StrictHostKeyChecking=accept-new"]
      options.push("ServerAliveInterval=1", "ServerAliveCountMax=1")
      const running = connect(server, { options }).then((transport) => runOn(transport, "echo in"))
      setTimeout(() => proxy?.release(), 4000)
      expect((await running).stdout).to.equal("in\n")
    })

    it("is noticed by the missing signs of life", async () => {
      const server = await serve()
      const proxy = await startDelayProxy({ target: server })
      cleanups.push(() => proxy.close())
      const options = [`Port=${proxy.port}`, "StrictHostKeyChecking=accept-new"]
      options.push("ServerAliveInterval=1", "ServerAliveCountMax=2")
      const transport = await connect(server, { options })
      const channel = await transport.exec("sleep 30")
      proxy.swallow()
      const { error } = await channel.ended
      expect(error).to.have.property("code", "CONNECTION_LOST")
      expect(error?.message).to.match(/no sign of life/)
    })

    for (const moment of ["connected", "authenticating", "authenticated", "session", "exec"] as const) {
      it(`is classified when it happens at "${moment}"`, async () => {
        const server = await serve({ onMoment: (now, drop) => (now === moment ? drop() : undefined) })
        const attempt = connectTo(server).then(async (transport) => {
          cleanups.push(() => transport.close())
          const output = await runOn(transport, "sleep 5")
          throw output.error ?? new Error("nothing was lost")
        })
        const { code, hint } = await failureOf(attempt)
        expect(code).to.equal(moment === "connected" ? "UNREACHABLE" : "CONNECTION_LOST")
        expect(hint).to.be.a("string")
      })
    }
  })

  describe("keys", () => {
    it("signs with an open key at once: one attempt, no question", async () => {
      const server = await serve()
      await connect(server)
      expect(server.attempts).to.deep.equal(["publickey"])
    })

    for (const type of ["rsa", "ecdsa"] as const) {
      it(`takes ${type} keys`, async () => {
        const server = await serve({ clientKey: generateKey(type) })
        expect((await runOn(await connect(server), "echo in")).stdout).to.equal("in\n")
        expect(server.attempts).to.deep.equal(["publickey"])
      })
    }

    it("takes each key of the configuration in turn", async () => {
      const path = await folder()
      const server = await serve()
      const wrong = ["one", "two"].map((name) => join(path, name))
      for (const file of wrong) await writeFile(file, generateKey().private, { mode: 0o600 })
      await connect(server, { identityFiles: wrong })
      expect(server.attempts).to.deep.equal(["publickey", "publickey", "publickey"])
    })

    it("asks for a passphrase once, and only when the server would take the key", async () => {
      const path = await folder()
      const [right, wrong] = [generateKey("ed25519", SECRET), generateKey("ed25519", "other")]
      const server = await serve({ authorizedKeys: [right.public] })
      await writeFile(join(path, "wrong"), wrong.private, { mode: 0o600 })
      await writeFile(join(path, "right"), right.private, { mode: 0o600 })
      const someone = person("not it", SECRET)
      const target = { identityFiles: [join(path, "wrong"), join(path, "right")], prompter: someone }
      await connect(server, { ...target, configFile: await withoutIdentity(server, path) })
      expect(someone.asked.map(({ text, hidden }) => [text.includes(join(path, "right")), hidden])).to.deep.equal([
        [true, true],
        [true, true],
      ])
      expect(server.attempts).to.deep.equal(["publickey?", "publickey?", "publickey"])
      await Promise.all([1, 2].map(async () => connect(server, { ...target, configFile: join(path, "config") })))
      expect(someone.asked).to.have.length(2)
    })

    for (const type of ["rsa", "ecdsa", "ed25519"] as const) {
      for (const format of ["RFC4716", "PEM", "PKCS8"] as const) {
        it(`reads ${type} keys of ssh-keygen in the format ${format}, open and encrypted`, async () => {
          const path = await folder()
          for (const passphrase of ["", SECRET]) {
            const file = join(path, `key${passphrase.length}`)
            execFileSync("ssh-keygen", ["-q", "-t", type, "-N", passphrase, "-f", file])
            const rewrite = ["-q", "-p", "-m", format, "-P", passphrase, "-N", passphrase, "-f", file]
            execFileSync("ssh-keygen", rewrite, { stdio: "pipe" })
            const server = await serve({ authorizedKeys: [await readFile(`${file}.pub`, "utf8")] })
            await writeFile(`${file}.pub`, "")
            const config = await withoutIdentity(server, path)
            const someone = person("not it", SECRET)
            await connect(server, { configFile: config, identityFiles: [file], prompter: someone })
            expect(someone.asked).to.have.length(passphrase === "" ? 0 : 2)
          }
        })
      }
    }

    it("reads what OpenSSL writes: Ed25519 as PKCS#8, and parameters before an EC key", async () => {
      const path = await folder()
      const file = join(path, "key")
      const ed25519 = generateKeyPairSync("ed25519").privateKey
      const half = Buffer.from(ed25519.export({ format: "jwk" }).x ?? "", "base64url")
      const blob = Buffer.concat([Buffer.from("\0\0\0\x0bssh-ed25519\0\0\0\x20"), half])
      const server = await serve({ authorizedKeys: [`ssh-ed25519 ${blob.toString("base64")}`] })
      const config = await withoutIdentity(server, path)
      await writeFile(file, ed25519.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 })
      await connect(server, { configFile: config, identityFiles: [file] })

      const ec = join(path, "ec")
      execFileSync("ssh-keygen", ["-q", "-t", "ecdsa", "-m", "PEM", "-N", "", "-f", ec])
      const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
      await writeFile(ec, parameters + (await readFile(ec, "utf8")))
      const other = await serve({ authorizedKeys: [await readFile(`${ec}.pub`, "utf8")] })
      await connect(other, { configFile: await withoutIdentity(other, path), identityFiles: [ec] })
    })

    it("says of a key that SSH does not have what it is", async () => {
      const path = await folder()
      const file = join(path, "key")
      const x25519 = generateKeyPairSync("x25519").privateKey
      await writeFile(file, x25519.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 })
      const server = await serve()
      const config = await withoutIdentity(server, path)
      const error = await failureOf(connectTo(server, { configFile: config, identityFiles: [file] }))
      expect(error.message).to.contain(`${file} is no private key that can be read: it is of the kind x25519`)
    })

    it("goes on to the next method when the passphrase isn't given", async () => {
      const path = await folder()
      const key = generateKey("ed25519", SECRET)
      await writeFile(join(path, "key"), key.private, { mode: 0o600 })
      const server = await serve({ authorizedKeys: [key.public], password: "pw" })
      const config = await withoutIdentity(server, path)
      const someone = person("", "pw")
      await connect(server, { configFile: config, identityFiles: [join(path, "key")], prompter: someone })
      expect(someone.asked).to.have.length(2)
    })

    it("says what keeps keys from being used", async () => {
      const path = await folder()
      const server = await serve()
      const [open, garbage, encrypted] = ["open", "garbage", "encrypted"].map((name) => join(path, name))
      await writeFile(open ?? "", generateKey().private)
      await chmod(open ?? "", 0o644)
      await writeFile(garbage ?? "", "no key", { mode: 0o600 })
      const key = generateKey("ed25519", SECRET)
      const accepting = await serve({ authorizedKeys: [key.public] })
      await writeFile(encrypted ?? "", key.private, { mode: 0o600 })
      const half = join(path, "half.pub")
      await writeFile(half, generateKey().public)
      const identityFiles = [join(path, "missing"), open ?? "", garbage ?? "", half]
      const error = await failureOf(
        connectTo(server, { configFile: await withoutIdentity(server, path), identityFiles }),
      )
      expect(error.code).to.equal("AUTHENTICATION_FAILED")
      expect(error.message).to.match(
        /missing does not exist.*open is left alone.*garbage is no private key.*half\.pub holds only the public half/,
      )
      const locked = await failureOf(
        connectTo(accepting, { configFile: await withoutIdentity(accepting, path), identityFiles: [encrypted ?? ""] }),
      )
      expect(locked.message).to.contain("encrypted")
    })

    it("says when the server hung up before the right key had its turn", async () => {
      const path = await folder()
      const server = await serve({ maxAuthTries: 2 })
      const wrong = ["one", "two", "three"].map((name) => join(path, name))
      for (const file of wrong) await writeFile(file, generateKey().private, { mode: 0o600 })
      const error = await failureOf(connectTo(server, { identityFiles: wrong }))
      expect(error.code).to.be.oneOf(["AUTHENTICATION_FAILED", "CONNECTION_LOST"])
    })

    describe("of an ssh-agent", () => {
      const startAgent = (...keys: string[]): string => {
        const agent = startSshAgent()
        cleanups.push(() => agent.stop())
        for (const key of keys) agent.add(key)
        return agent.socket
      }
      const writeKeys = async (path: string, types: Parameters<typeof generateKey>[0][]): Promise<string[]> => {
        const files: string[] = []
        for (const [index, type] of types.entries()) {
          const file = join(path, `agent-key-${index}`)
          execFileSync("ssh-keygen", ["-q", "-t", type ?? "ed25519", "-N", "", "-f", file])
          files.push(file)
        }
        return files
      }

      for (const type of ["ed25519", "rsa", "ecdsa"] as const) {
        it(`signs with an ${type} key`, async () => {
          const path = await folder()
          const [file = ""] = await writeKeys(path, [type])
          const server = await serve({ authorizedKeys: [await readFile(`${file}.pub`, "utf8")] })
          const socket = startAgent(file)
          const config = await withoutIdentity(server, path, `IdentityAgent ${socket}`)
          await connect(server, { configFile: config })
          expect(server.attempts).to.deep.equal(["publickey?", "publickey"])
        })
      }

      it("offers the keys that the configuration names first, and no others with IdentitiesOnly", async () => {
        const path = await folder()
        const [other = "", named = ""] = await writeKeys(path, ["ed25519", "ed25519"])
        const server = await serve({ authorizedKeys: [await readFile(`${named}.pub`, "utf8")] })
        const socket = startAgent(other, named)
        // Only the public half is there: it names the agent's key.
        const lines = [`IdentityAgent ${socket}`, `IdentityFile ${named}.pub`]
        await connect(server, { configFile: await withoutIdentity(server, path, ...lines) })
        expect(server.attempts).to.deep.equal(["publickey?", "publickey"])
        const wrong = [`IdentityAgent ${socket}`, `IdentityFile ${other}.pub`, "IdentitiesOnly yes"]
        const error = await failureOf(connectTo(server, { configFile: await withoutIdentity(server, path, ...wrong) }))
        expect(error.code).to.equal("AUTHENTICATION_FAILED")
      })
    })
  })

  describe("passwords and questions", () => {
    it("asks for the password, three times at most", async () => {
      const server = await serve({ password: SECRET })
      const config = await withoutIdentity(server, await folder())
      const someone = person("wrong", SECRET)
      await connect(server, { configFile: config, prompter: someone })
      expect(someone.asked.map((question) => question.hidden)).to.deep.equal([true, true])
      expect(someone.asked[0]?.text).to.equal("Password of tester@127.0.0.1:")
      expect(someone.asked[1]).to.include({
        text: "Password of tester@127.0.0.1:",
        preface: "Permission denied, please try again.",
      })

      const stubborn = person("a", "b", "c", "d")
      const error = await failureOf(connectTo(server, { configFile: config, prompter: stubborn }))
      expect(error.code).to.equal("AUTHENTICATION_FAILED")
      expect(stubborn.asked).to.have.length(3)
    })

    it("answers several prompts of a keyboard-interactive log-in, after a key when both are required", async () => {
      const seen: string[][] = []
      const server = await serve({
        requiredMethods: ["publickey", "keyboard-interactive"],
        keyboardInteractive: async (ask) => {
          const first = await ask(["Password:", "Code:"])
          const second = await ask(["Again:"])
          seen.push(first, second)
          return first.join() === "p,123456" && second.join() === "yes"
        },
      })
      const someone = person("p", "123456", "yes")
      const transport = await connect(server, { prompter: someone })
      expect((await runOn(transport, "echo in")).stdout).to.equal("in\n")
      expect(seen).to.deep.equal([["p", "123456"], ["yes"]])
      expect(someone.asked.every((question) => question.hidden)).to.equal(true)
    })

    it("shows a server's question without what would steer or colour the terminal", async () => {
      const server = await serve({
        requiredMethods: ["keyboard-interactive"],
        keyboardInteractive: async (ask) =>
          (await ask(["\u001b[1;31mOne-time\u001b[0m\r\n code\u0007:\u001b]0;title"]))[0] === "1",
      })
      const someone = person("1")
      await connect(server, { prompter: someone, options: ["PubkeyAuthentication=no"] })
      expect(someone.asked[0]).to.include({ text: "(tester@127.0.0.1) code : ]0;title", preface: "One-time" })
    })

    it("passes over a silent agent and pipes in the place of files, and names them", async () => {
      const path = await folder()
      const server = await serve({ password: SECRET })
      const [socket, pipe] = [join(path, "agent"), join(path, "pipe")]
      const configFile = await withoutIdentity(server, path)
      const silent = createServer()
      await new Promise<void>((resolve) => silent.listen(socket, resolve))
      cleanups.push(() => void silent.close())
      execFileSync("mkfifo", [pipe])
      const options = [`IdentityAgent=${socket}`, `UserKnownHostsFile=${server.knownHostsFile} ${pipe}`]
      const error = await failureOf(connectTo(server, { configFile, identityFiles: [pipe], options }))
      expect(error.message).to.contain(`the SSH agent at ${socket} does not answer; ${pipe} can't be read`)
      const named = await failureOf(connectTo({ configFile: pipe }))
      expect(named.code).to.equal("USAGE")
      expect(named.message).to.contain("it is a pipe, not a file")
    })

    it("tells with a server's question what it instructs, and that an answer was refused", async () => {
      const server = await serve({
        requiredMethods: ["keyboard-interactive"],
        keyboardInteractive: async (ask) => (await ask(["Response: ", "More: "], "Challenge\n4711"))[0] === "right",
      })
      const someone = person("wrong", "1", "right", "1")
      const notices: string[] = []
      await connect(server, { prompter: someone, notices, options: ["PubkeyAuthentication=no"] })
      expect(someone.asked.map(({ preface }) => preface)).to.deep.equal([
        "Challenge\n4711",
        undefined,
        "Permission denied, please try again.\nChallenge\n4711",
        undefined,
      ])
      expect(notices).to.deep.equal([])
    })

    it("goes from a key of an agent on to a password when both are required", async () => {
      const path = await folder()
      const key = generateKey("ed25519", SECRET)
      await writeFile(join(path, "key"), key.private, { mode: 0o600 })
      const server = await serve({
        authorizedKeys: [key.public],
        password: "pw",
        requiredMethods: ["publickey", "password"],
      })
      const config = await withoutIdentity(server, path)
      await connect(server, { configFile: config, identityFiles: [join(path, "key")], prompter: person(SECRET, "pw") })
    })

    it("says what was tried and what the server offered where nobody can be asked", async () => {
      const server = await serve({ password: SECRET, clientKey: generateKey() })
      const path = await folder()
      const wrong = join(path, "wrong")
      await writeFile(wrong, generateKey().private, { mode: 0o600 })
      const config = await withoutIdentity(server, path)
      const error = await failureOf(connectTo(server, { configFile: config, identityFiles: [wrong], prompter: nobody }))
      expect(error.code).to.equal("AUTHENTICATION_FAILED")
      expect(error.message).to.match(/"machine" as "tester" \(127\.0\.0\.1, port \d+\): tried .*wrong \(SHA256:/)
      expect(error.message).to.contain("the server accepts publickey, password")
      expect(error.hint).to.contain("terminal").and.contain("password")
    })

    it("ends when the person gives up", async () => {
      const server = await serve({ password: SECRET })
      const config = await withoutIdentity(server, await folder())
      expect((await failureOf(connectTo(server, { configFile: config, prompter: person() }))).code).to.equal(
        "INTERRUPTED",
      )
    })

    it("asks nothing in BatchMode", async () => {
      const server = await serve({ password: SECRET })
      const config = await withoutIdentity(server, await folder())
      const someone = person(SECRET)
      const options = ["BatchMode=yes"]
      const error = await failureOf(connectTo(server, { configFile: config, prompter: someone, options }))
      expect(error.code).to.equal("AUTHENTICATION_FAILED")
      expect(someone.asked).to.have.length(0)
    })

    it("puts no passphrase and no password into notices and errors", async () => {
      const path = await folder()
      const key = generateKey("ed25519", SECRET)
      await writeFile(join(path, "key"), key.private, { mode: 0o600 })
      const server = await serve({
        authorizedKeys: [key.public],
        password: "x",
        requiredMethods: ["publickey", "password"],
      })
      const config = await withoutIdentity(server, path)
      const notices: string[] = []
      const wrong = `${SECRET}-wrong`
      const prompter = person(wrong, SECRET, wrong, wrong, wrong)
      const error = await failureOf(
        connectTo(server, { configFile: config, identityFiles: [join(path, "key")], prompter, notices }),
      )
      const everything = (value: unknown, depth = 0): string =>
        depth > 6 || typeof value !== "object" || value === null
          ? String(value)
          : Reflect.ownKeys(value)
              .map((name) => everything((value as Record<PropertyKey, unknown>)[name], depth + 1))
              .join("\n")
      expect(`${everything(error)}\n${String(error.stack)}\n${notices.join("\n")}`).to.not.contain(SECRET)
      expect(error.code).to.equal("AUTHENTICATION_FAILED")
    })
  })

  describe("host keys", () => {
    it("asks for the type of key that is known", async () => {
      const server = await serve({ hostKeyTypes: ["ed25519", "rsa", "ecdsa"] })
      for (const index of [1, 2]) {
        const [type, blob] = (server.hostKeys[index] ?? "").split(" ")
        await writeFile(server.knownHostsFile, `[127.0.0.1]:${server.port} ${type} ${blob}\n`)
        expect((await runOn(await connect(server), "echo in")).stdout).to.equal("in\n")
      }
    })

    it("refuses before any secret has left", async () => {
      const server = await serve({ password: SECRET })
      const [type, blob] = generateKey().public.split(" ")
      for (const line of [`[127.0.0.1]:${server.port} ${type} ${blob}\n`, ""]) {
        await writeFile(server.knownHostsFile, line)
        const error = await failureOf(connectTo(server))
        expect(error.code).to.equal(line === "" ? "HOST_KEY_UNKNOWN" : "HOST_KEY_CHANGED")
      }
      expect(server.attempts).to.deep.equal([])
    })

    it("stay the same when keys are exchanged again, or the connection ends", async () => {
      const server = await serve()
      const transport = await connect(server)
      server.exchangeKeys()
      expect((await runOn(transport, "echo in")).stdout).to.equal("in\n")
      server.exchangeKeys(generateKey())
      expect(await transport.lost).to.have.property("code", "CONNECTION_LOST")
    })

    it("asks the person, and goes on", async () => {
      const server = await serve()
      await writeFile(server.knownHostsFile, "")
      const someone = person("yes")
      expect((await runOn(await connect(server, { prompter: someone }), "echo in")).stdout).to.equal("in\n")
      await connect(server)
    })
  })

  describe("Terrapin (CVE-2023-48795)", () => {
    /** The name-lists of the client's SSH_MSG_KEXINIT (RFC 4253 section 7.1), which it sends in clear. */
    const offersOf = async (options: readonly string[]): Promise<string[][]> => {
      const received: Buffer[] = []
      const silent = createServer((socket) => {
        socket.on("error", () => undefined)
        socket.write("SSH-2.0-listener\r\n")
        socket.on("data", (chunk: Buffer) => {
          received.push(chunk)
          const all = Buffer.concat(received)
          const start = all.indexOf("\r\n") + 2
          if (start > 1 && all.length >= start + 4 && all.length >= start + 4 + all.readUInt32BE(start)) socket.end()
        })
      })
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve))
      cleanups.push(() => void silent.close())
      const server = await serve()
      const port = `Port=${(silent.address() as AddressInfo).port}`
      await failureOf(connectTo(server, { options: [port, ...options] }))
      const all = Buffer.concat(received)
      // Length, padding's length, message number, cookie.
      let offset = all.indexOf("\r\n") + 2 + 4 + 1
      expect(all[offset]).to.equal(20)
      offset += 1 + 16
      return Array.from({ length: 8 }, () => {
        const length = all.readUInt32BE(offset)
        offset += 4 + length
        return all
          .subarray(offset - length, offset)
          .toString("latin1")
          .split(",")
      })
    }

    for (const options of [[], ["Ciphers=+chacha20-poly1305@openssh.com,aes*-cbc"], ["MACs=+hmac-*"]]) {
      it(`offers strict key exchange, and never the modes that the attack needs: ${options.join(" ")}`, async () => {
        const [kex = [], , ...encryption] = await offersOf(options)
        expect(kex).to.include("kex-strict-c-v00@openssh.com")
        const [toServer = [], toClient = []] = encryption
        expect(toServer).to.include("aes128-gcm@openssh.com")
        for (const cipher of [...toServer, ...toClient])
          expect(cipher).to.match(/^aes(128|192|256)-(ctr|gcm@openssh\.com)$/)
      })
    }
  })

  describe("what can't be reached", () => {
    const listen = async (onConnection: (socket: import("node:net").Socket) => void): Promise<number> => {
      const sockets = new Set<import("node:net").Socket>()
      const server: Server = createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => undefined)
        onConnection(socket)
      })
      server.listen(0, "127.0.0.1")
      await once(server, "listening")
      cleanups.push(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
      return (server.address() as AddressInfo).port
    }
    const reach = (destination: string, ...options: string[]) =>
      failureOf(connectTo({ configFile: "none" }, { destination, options }))

    it("a name that nobody has", async () => {
      const error = await reach("nobody.invalid")
      expect(error.code).to.equal("UNREACHABLE")
      expect(error.message).to.contain('"nobody.invalid"')
    })
    it("a port where nothing listens", async () => {
      const error = await reach("127.0.0.1:1")
      expect(error.code).to.equal("UNREACHABLE")
      expect(error.message).to.equal('Cannot reach "127.0.0.1:1" (127.0.0.1, port 1): it refused the connection')
    })
    it("a gateway that accepts and says nothing", async () => {
      const port = await listen(() => undefined)
      const error = await reach(`127.0.0.1:${port}`, "ConnectTimeout=1")
      expect(error.code).to.equal("UNREACHABLE")
      expect(error.message).to.contain("said nothing within 1 s")
    })
    it("something that closes, or speaks another protocol", async () => {
      for (const greeting of ["", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"]) {
        const port = await listen((socket) => socket.end(greeting))
        const error = await reach(`127.0.0.1:${port}`)
        expect(error.code).to.equal("UNREACHABLE")
        expect(error.message).to.contain("without answering as an SSH server")
      }
    })
    it("ends at once when interrupted", async () => {
      const port = await listen(() => undefined)
      const abort = new AbortController()
      const attempt = failureOf(
        connectTo({ configFile: "none" }, { destination: `127.0.0.1:${port}`, signal: abort.signal }),
      )
      await sleep(50)
      abort.abort()
      expect((await attempt).code).to.equal("INTERRUPTED")
    })
    it("a server with which no encryption can be agreed on", async () => {
      const server = await serve()
      const error = await failureOf(connectTo(server, { options: ["KexAlgorithms=diffie-hellman-group14-sha1"] }))
      expect(error.message).to.contain("on how to encrypt")
      expect(error.hint).to.contain("--transport openssh")
    })
  })

  describe("ways through others", () => {
    it("jumps, each hop with its own account, key and host key", async () => {
      const [gate, inner, goal] = await Promise.all([
        serve({ forwarding: true, user: "gatekeeper" }),
        serve({ forwarding: true }),
        serve(),
      ])
      const path = await folder()
      const host = (name: string, server: SshServer): string =>
        `Host ${name}\n HostName 127.0.0.1\n Port ${server.port}\n User ${server.user}\n IdentityFile ${server.identityFile}\n UserKnownHostsFile ${server.knownHostsFile}\n`
      const rest = "Host *\n IdentityAgent none\n GlobalKnownHostsFile /dev/null\n"
      const config = join(path, "config")
      await writeFile(
        config,
        `Host goal\n ProxyJump gate,inner\n${host("gate", gate)}${host("inner", inner)}${host("goal", goal)}${rest}`,
      )
      const transport = await connect({ configFile: config }, { destination: "goal" })
      expect((await runOn(transport, 'echo "$HOME"; cat', "through")).stdout).to.equal(`${goal.home}\nthrough`)
      expect([gate.connections, inner.connections, goal.connections]).to.deep.equal([1, 1, 1])

      await writeFile(inner.knownHostsFile, "")
      const error = await failureOf(connectTo({ configFile: config }, { destination: "goal" }))
      expect(error.code).to.equal("HOST_KEY_UNKNOWN")
      expect(error.message).to.contain("inner")
    })

    it("leaves no hop connected when the next one fails", async () => {
      const [gate, goal] = await Promise.all([serve({ forwarding: true }), serve()])
      const path = await folder()
      const host = (name: string, server: SshServer): string =>
        `Host ${name}\n HostName 127.0.0.1\n Port ${server.port}\n User ${server.user}\n IdentityFile ${server.identityFile}\n UserKnownHostsFile ${server.knownHostsFile}\n`
      const config = join(path, "config")
      await writeFile(
        config,
        `Host goal\n ProxyJump gate\n${host("gate", gate)}${host("goal", goal)}Host *\n IdentityAgent none\n GlobalKnownHostsFile /dev/null\n`,
      )
      await writeFile(goal.knownHostsFile, "")
      const error = await failureOf(connectTo({ configFile: config }, { destination: "goal" }))
      expect([error.code, gate.connections]).to.deep.equal(["HOST_KEY_UNKNOWN", 1])
      await gate.left()
    })

    it("says which hop could not go on", async () => {
      const gate = await serve()
      const options = [`ProxyJump tester@127.0.0.1:${gate.port}`]
      const error = await failureOf(connectTo(gate, { options }))
      expect(error.code).to.equal("UNREACHABLE")
      expect(error.message).to.contain(`from "tester@127.0.0.1:${gate.port}"`)
    })

    it("waits no longer than ConnectTimeout for a hop that gets no answer, and ends at once when interrupted", async () => {
      const gate = await serve({ forwarding: "silent" })
      const path = await folder()
      await writeFile(
        join(path, "config"),
        `Host gate\n HostName 127.0.0.1\n Port ${gate.port}\n User ${gate.user}\n IdentityFile ${gate.identityFile}\n UserKnownHostsFile ${gate.knownHostsFile}\nHost goal\n HostName 192.0.2.1\n ProxyJump gate\nHost *\n IdentityAgent none\n GlobalKnownHostsFile /dev/null\n`,
      )
      const through = { configFile: join(path, "config") }
      const options = { destination: "goal", options: ["ConnectTimeout=1"] }
      const error = await failureOf(connectTo(through, options))
      expect(error.code).to.equal("UNREACHABLE")
      expect(error.message).to.equal('Cannot reach "goal" (192.0.2.1, port 22) from "gate": no answer within 1 s')

      const abort = new AbortController()
      const attempt = failureOf(connectTo(through, { destination: "goal", signal: abort.signal }))
      setTimeout(() => abort.abort(), 300)
      expect((await attempt).code).to.equal("INTERRUPTED")
    })

    it("follows no circle", async () => {
      const server = await serve({ forwarding: true })
      const path = await folder()
      await writeFile(join(path, "config"), "Host a\n ProxyJump b\nHost b\n ProxyJump a\n")
      const error = await failureOf(connectTo({ configFile: join(path, "config") }, { destination: "a" }))
      expect(error.code).to.equal("SSH_CONFIGURATION")
      void server
    })

    it("runs a ProxyCommand by the person's own shell", async function () {
      if (!existsSync("/bin/bash")) this.skip()
      const before = process.env["SHELL"]
      process.env["SHELL"] = "/bin/bash"
      try {
        const options = ["ProxyCommand sh -c 'echo told >&2' 2> >(tr a-z A-Z >&2)"]
        const error = await failureOf(connectTo(await serve(), { options }))
        expect(error.message).to.contain("TOLD")
      } finally {
        if (before === undefined) delete process.env["SHELL"]
        else process.env["SHELL"] = before
      }
    })

    it("speaks through a ProxyCommand, with its tokens, and tells its complaint", async () => {
      const server = await serve()
      const script = join(await folder(), "proxy.mjs")
      await writeFile(
        script,
        'import { connect } from "node:net"\nconst s = connect(+process.argv[3], process.argv[2])\nprocess.stdin.pipe(s).pipe(process.stdout)\n',
      )
      const transport = await connect(server, { options: [`ProxyCommand ${process.execPath} ${script} %h %p`] })
      expect((await runOn(transport, "echo in")).stdout).to.equal("in\n")
      const error = await failureOf(connectTo(server, { options: ["ProxyCommand sh -c 'echo no way >&2; exit 1'"] }))
      expect(error.code).to.equal("UNREACHABLE")
      expect(error.message).to.contain("no way")
      const silent = await failureOf(connectTo(server, { options: ["ProxyCommand false %h"] }))
      expect(silent.message).to.contain("ProxyCommand ended without an answer")
      expect(silent.hint).to.contain("by hand").and.contain("false 127.0.0.1")
      for (const garbage of [
        "yes",
        "sh -c 'yes | head -c 20000 | tr -d \"\\n\"; echo; exec sleep 5'",
        "echo hello",
        "sh -c 'exec <&-; sleep 0.3; echo hello'",
      ]) {
        const error = await failureOf(connectTo(server, { options: [`ProxyCommand ${garbage}`] }))
        expect(error.code).to.equal("UNREACHABLE")
        expect(error.message).to.contain("what its ProxyCommand prints is no greeting of an SSH server")
        expect(error.hint).to.contain("by hand").and.contain(garbage)
      }
      // What comes behind is too late.
      const late = `sh -c 'head -c 9000 /dev/zero; echo; exec ${process.execPath} ${script} %h %p'`
      expect((await failureOf(connectTo(server, { options: [`ProxyCommand ${late}`] }))).message).to.contain(
        "no greeting",
      )
      const greets = 'printf "SSH-2.0-x\\r\\n"'
      for (const [more, told] of [
        ["yes", "printed what no SSH server says behind its greeting"],
        ["exec sleep 60", "said nothing more within 1 s, behind the server's greeting"],
        ["true", "ended behind the server's greeting"],
        ["echo session closed >&2", "says: session closed"],
      ]) {
        const options = [`ProxyCommand sh -c '${greets}; ${more}'`, "ConnectTimeout 1"]
        const error = await failureOf(connectTo(server, { options }))
        expect(error.code, more).to.equal("UNREACHABLE")
        expect(error.message).to.contain(`its ProxyCommand ${told}`)
        expect(error.hint).to.contain(`sh -c '${greets}`)
      }
      const options = ["ProxyCommand sleep 60", "ConnectTimeout 1"]
      const hanging = await failureOf(connectTo(server, { options }))
      expect(hanging.message).to.contain("ProxyCommand said nothing within 1 s")
      expect(hanging.hint).to.contain("by hand").and.contain("sleep 60")
    })
  })
})

/** The server's configuration without its key, with these lines first. */
async function withoutIdentity(server: SshServer, folder: string, ...lines: string[]): Promise<string> {
  const text = await readFile(server.configFile, "utf8")
  const dropped = /^\s*Identit(yFile|iesOnly)/
  const own = lines.some((line) => line.startsWith("IdentityAgent")) ? /^\s*Identity(Agent|File|esOnly)/ : dropped
  const kept = text.split("\n").filter((line) => !dropped.test(line) && !own.test(line))
  // No identity named would mean the person's own default keys.
  const none = lines.some((line) => line.startsWith("IdentityFile")) ? [] : ["IdentityFile none"]
  const path = join(folder, "config")
  await writeFile(path, `${[...lines, ...none, ...kept].join("\n")}\n`)
  return path
}
