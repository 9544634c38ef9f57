import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { once } from "node:events"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { setTimeout as sleep } from "node:timers/promises"
import { startDelayProxy } from "../../helpers/delay-proxy.ts"
import { startSshAgent } from "../../helpers/ssh-agent.ts"
import { generateKey } from "../../helpers/ssh-client-files.ts"
import { createTestUser, skipWithoutSshd, skipWithoutTestUsers, type Sshd } from "../../helpers/sshd.ts"
import { testServers } from "../../helpers/test-servers.ts"
import { connectTo, failureOf, outputOf, person, runOn } from "./ssh-fixtures.ts"

for (const client of ["ssh2", "openssh"] as const)
  describe(`the client ${client} with OpenSSH's sshd`, function () {
    this.timeout(30_000)
    const { cleanups, serveBySshd: serve } = testServers()
    before(function () {
      skipWithoutSshd(this)
    })

    const tryTo: typeof connectTo = (server, fixture) => connectTo(server, { transport: client, ...fixture })
    const connect = async (...args: Parameters<typeof connectTo>): ReturnType<typeof connectTo> => {
      const transport = await tryTo(...args)
      cleanups.push(() => transport.close())
      return transport
    }

    it("runs commands, with their streams and status", async () => {
      const transport = await connect(await serve())
      const output = await runOn(transport, "cat; echo bad >&2; exit 3", "input\n")
      expect(output).to.deep.equal({ stdout: "input\n", stderr: "bad\n", code: 3, signal: null })
      // OpenSSH's client keeps the signal to itself.
      const killed = client === "ssh2" ? { code: null, signal: "SIGKILL" } : { code: 255, signal: null }
      expect(await runOn(transport, "kill -KILL $$")).to.include(killed)
      expect((await runOn(transport, "echo still here")).stdout).to.equal("still here\n")
    })

    if (client === "ssh2")
      it("needs two turns to log in and one for the first command", async () => {
        const sshd = await serve()
        const proxy = await startDelayProxy({ target: sshd, delay: 40 })
        cleanups.push(() => proxy.close())
        const options = [`Port=${proxy.port}`, "StrictHostKeyChecking=accept-new"]
        let login = Number.POSITIVE_INFINITY
        let command = Number.POSITIVE_INFINITY
        // A server that is slow has heard more by the time it answers: the least is what there is to wait for.
        for (let attempt = 0; attempt < 10 && (login > 2 || command > 4); attempt++) {
          const transport = await connect(sshd, { options })
          login = Math.min(login, proxy.turns)
          expect((await runOn(transport, "echo $((6 * 7)); exit 4", "")).stdout).to.equal("42\n")
          command = Math.min(command, proxy.turns)
          expect((await runOn(transport, "echo again")).stdout).to.equal("again\n")
        }
        // The offers cross each other; then the key exchange, and the log-in.
        expect(login).to.equal(2)
        // The command, and the farewell to its channel.
        expect(command).to.be.at.most(4)
      })

    for (const type of ["ed25519", "rsa", "ecdsa"] as const) {
      it(`takes ${type} for the host's and the person's key`, async () => {
        const key = generateKey(type)
        const sshd = await serve({ hostKeyTypes: [type], authorizedKeys: [key.public] })
        const file = join(sshd.folder, "mine")
        await writeFile(file, key.private, { mode: 0o600 })
        const config = (await readFile(sshd.configFile, "utf8")).replace(/IdentityFile .*/, `IdentityFile ${file}`)
        await writeFile(sshd.configFile, config)
        const transport = await connect(sshd)
        expect((await runOn(transport, "echo in")).stdout).to.equal("in\n")
      })
    }

    it("asks for the passphrase of a key that ssh-keygen has encrypted", async () => {
      const sshd = await serve()
      execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", "secret", "-f", sshd.identityFile])
      const someone = person("secret")
      const transport = await connect(sshd, { prompter: someone })
      expect((await runOn(transport, "echo in")).stdout).to.equal("in\n")
      expect(someone.asked).to.have.length(1)
      expect(someone.asked[0]).to.include({ hidden: true })
    })

    it("waits for a person who takes longer to answer than a keepalive's turn", async () => {
      const sshd = await serve()
      execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", "secret", "-f", sshd.identityFile])
      await writeFile(sshd.knownHostsFile, "")
      const someone = person("yes", "secret")
      const slow = {
        ...someone,
        ask: async (question: { text: string; hidden: boolean }): Promise<string> => {
          await sleep(1500)
          return someone.ask(question)
        },
      }
      const options = ["StrictHostKeyChecking=ask", "ServerAliveInterval=1", "ServerAliveCountMax=1"]
      const transport = await connect(sshd, { prompter: slow, options })
      expect((await runOn(transport, "echo in")).stdout).to.equal("in\n")
      expect(someone.asked).to.have.length(2)
    })

    for (const [asking, config, options] of [
      ["the server", ["RekeyLimit 1M"], []],
      ["RekeyLimit", ["LogLevel DEBUG1"], ["RekeyLimit=1M"]],
    ] as const)
      it(`carries much in both directions while keys are exchanged again, as ${asking} says`, async () => {
        const sshd = await serve({ config })
        const transport = await connect(sshd, { options })
        const data = randomBytes(12 * 1024 * 1024)
        const channel = await transport.exec("cat")
        const digest = createHash("sha256")
        await Promise.all([
          pipeline(async function* () {
            for (let at = 0; at < data.length; at += 65_536) yield data.subarray(at, at + 65_536)
          }, channel.stdin),
          pipeline(channel.stdout, digest),
        ])
        expect(digest.digest("hex")).to.equal(createHash("sha256").update(data).digest("hex"))
        expect((await channel.ended).code).to.equal(0)
        if (asking === "RekeyLimit") expect(sshd.log().split("SSH2_MSG_KEXINIT received").length).to.be.above(3)
      })

    it("signs with no key that PubkeyAcceptedAlgorithms or RequiredRSASize leaves out", async () => {
      const sshd = await serve({ config: ["LogLevel DEBUG1"] })
      const file = join(sshd.folder, "rsa")
      const key = generateKey("rsa")
      await writeFile(file, key.private, { mode: 0o600 })
      await writeFile(join(sshd.folder, "authorized_keys"), `${key.public}\n`, { flag: "a" })
      const used = async (...options: string[]): Promise<string> => {
        const transport = await connect(sshd, { options, identityFiles: [file] })
        await runOn(transport, "true")
        return /Accepted publickey.* ssh2: (\S+)(?![^]*Accepted)/.exec(sshd.log())?.[1] ?? "none"
      }
      expect(await used()).to.equal("RSA")
      expect(await used("PubkeyAcceptedAlgorithms=-rsa-*,ssh-rsa*")).to.equal("ED25519")
      expect(await used("PubkeyAcceptedKeyTypes=ssh-ed25519")).to.equal("ED25519")
      expect(await used("RequiredRSASize=3072")).to.equal("ED25519")
      const nothing = tryTo(sshd, { options: ["PubkeyAcceptedAlgorithms=ecdsa-*"], identityFiles: [file] })
      const { code, message } = await failureOf(nothing)
      expect(code).to.equal("AUTHENTICATION_FAILED")
      if (client === "ssh2") expect(message).to.match(/PubkeyAcceptedAlgorithms leaves out \(ssh-ed25519\)/)
    })

    it("tells of a new host key, unless LogLevel asks for quiet", async () => {
      const sshd = await serve()
      const told = async (...options: string[]): Promise<string[]> => {
        await writeFile(sshd.knownHostsFile, "")
        const notices: string[] = []
        await connect(sshd, { options: ["StrictHostKeyChecking=no", ...options], notices })
        return notices
      }
      expect((await told()).join()).to.match(/added/i)
      for (const level of ["QUIET", "FATAL", "ERROR"]) expect(await told(`LogLevel=${level}`), level).to.deep.equal([])
    })

    it("says so when the server has had enough of keys", async () => {
      const sshd = await serve({ config: ["MaxAuthTries 2"] })
      const wrong = ["one", "two", "three"].map((name) => join(sshd.folder, name))
      for (const file of wrong) await writeFile(file, generateKey().private, { mode: 0o600 })
      const error = await failureOf(tryTo(sshd, { identityFiles: wrong }))
      expect(error.code).to.equal("AUTHENTICATION_FAILED")
      expect(error.hint).to.contain("IdentitiesOnly")
    })

    it("does not speak of keys when the server has had enough of passwords", async () => {
      const sshd = await serve({ config: ["PasswordAuthentication yes", "MaxAuthTries 2"] })
      const options = ["PubkeyAuthentication=no"]
      const error = await failureOf(tryTo(sshd, { options, prompter: person("a", "b", "c") }))
      expect(error.code).to.equal("AUTHENTICATION_FAILED")
      expect(error.hint).to.contain('check that "ssh').and.not.contain("IdentitiesOnly")
    })

    it("is refused with what the server would take", async () => {
      const sshd = await serve({ config: ["PasswordAuthentication yes"] })
      await writeFile(sshd.identityFile, generateKey().private, { mode: 0o600 })
      const error = await failureOf(tryTo(sshd))
      expect(error.code).to.equal("AUTHENTICATION_FAILED")
      expect(error.message).to.match(/the server accepts publickey, password|\(publickey,password\)/)
    })

    it("reports MaxSessions and goes on with the session it has", async () => {
      const transport = await connect(await serve({ config: ["MaxSessions 1"] }))
      const first = await transport.exec("cat")
      // OpenSSH's client makes another connection instead.
      if (client === "openssh") expect((await runOn(transport, "echo 2")).stdout).to.equal("2\n")
      else expect((await failureOf(transport.exec("true"))).message).to.match(/Cannot run a command on "machine"/)
      first.stdin.end("still")
      expect((await outputOf(first)).stdout).to.equal("still")
    })

    const host = (name: string, { port, identityFile, knownHostsFile }: Sshd): string =>
      `Host ${name}\n HostName 127.0.0.1\n Port ${port}\n IdentityFile ${identityFile}\n UserKnownHostsFile ${knownHostsFile}\n`
    const through = `${process.execPath} -e "const s = net.connect(%p); process.stdin.pipe(s).pipe(process.stdout)"`
    for (const way of ["", ", behind a ProxyCommand", ", behind a jump host"]) {
      it(`ends its channels when the server's process dies${way}`, async () => {
        const sshd = await serve()
        const options = way.endsWith("ProxyCommand") ? [`ProxyCommand=${through}`] : []
        let { configFile } = sshd
        if (way.endsWith("host")) {
          const gate = await serve()
          configFile = join(sshd.folder, "jump")
          await writeFile(configFile, `${host("gate", gate)}${host("machine", sshd)} ProxyJump gate\n`)
        }
        const transport = await connect({ configFile }, { options })
        const channel = await transport.exec("echo begun; sleep 20")
        // OpenSSH's client that finds no connection to share any more makes one of its own.
        await once(channel.stdout, "data")
        await sshd.killConnections()
        expect((await channel.ended).error).to.have.property("code", "CONNECTION_LOST")
      })
    }

    it("jumps through another sshd", async () => {
      const [gate, goal] = await Promise.all([serve(), serve()])
      const config = join(gate.folder, "jump")
      await writeFile(config, `Host goal\n ProxyJump gate\n${host("gate", gate)}${host("goal", goal)}`)
      const transport = await connect({ configFile: config }, { destination: "goal" })
      expect((await runOn(transport, "echo through")).stdout).to.equal("through\n")
      expect(goal.log()).to.contain("Accepted publickey")
    })

    it("forwards the agent only when it is asked to, and where the server allows it", async () => {
      const agent = await startSshAgent()
      cleanups.push(() => agent.stop())
      const sshd = await serve()
      agent.add(sshd.identityFile)
      const held = async (server: Sshd, ...options: string[]): Promise<string[]> => {
        const transport = await connect(server, { options })
        const outputs = []
        for (let call = 0; call < 2; call++) outputs.push((await runOn(transport, "ssh-add -l | wc -l")).stdout.trim())
        return outputs
      }
      expect(await held(sshd, `IdentityAgent=${agent.socket}`)).to.deep.equal(["0", "0"])
      expect(await held(sshd, `IdentityAgent=${agent.socket}`, "ForwardAgent=yes")).to.deep.equal(["1", "1"])
      expect(await held(sshd, `ForwardAgent=${agent.socket}`)).to.deep.equal(["1", "1"])
      const strict = await serve({ config: ["AllowAgentForwarding no"] })
      expect(await held(strict, `ForwardAgent=${agent.socket}`)).to.deep.equal(["0", "0"])
    })

    it("writes host keys that ssh then knows", async () => {
      const sshd = await serve()
      for (const hash of ["yes", "no"]) {
        await writeFile(sshd.knownHostsFile, "")
        await connect(sshd, { options: ["StrictHostKeyChecking=accept-new", `HashKnownHosts=${hash}`] })
        const args = ["-F", sshd.configFile, "-o", "StrictHostKeyChecking=yes", "machine", "echo known"]
        expect(execFileSync("ssh", args, { encoding: "utf8" })).to.equal("known\n")
      }
    })

    describe("with accounts of their own", () => {
      before(function () {
        skipWithoutTestUsers(this)
      })

      for (const shell of ["/bin/bash", "/bin/dash", "/usr/bin/zsh", "/usr/bin/fish", "/usr/bin/tcsh"]) {
        it(`runs commands under ${shell}`, async function () {
          if (!existsSync(shell) && process.env["CI"] === undefined) this.skip()
          const user = await createTestUser({ shell, files: { ".zshenv": "echo noise\n", ".tcshrc": "echo noise\n" } })
          cleanups.push(() => user.remove())
          const transport = await connect(await serve({ user: user.name }))
          expect(transport.address).to.match(new RegExp(`^${user.name}@127\\.0\\.0\\.1:\\d+$`))
          const { stdout, code } = await runOn(transport, 'echo "$HOME"; exit 5')
          expect(stdout).to.match(new RegExp(`^(noise\n)?${user.home}\n$`))
          expect(code).to.equal(5)
        })
      }

      it("asks for the account's password, and says when it expects another way", async () => {
        const user = await createTestUser()
        cleanups.push(() => user.remove())
        execFileSync("chpasswd", { input: `${user.name}:right-Pw1\n` })
        const sshd = await serve({ user: user.name, config: ["PasswordAuthentication yes"] })
        const someone = person("wrong", "right-Pw1")
        const transport = await connect(sshd, { prompter: someone, options: ["PubkeyAuthentication=no"] })
        expect((await runOn(transport, "id -un")).stdout).to.equal(`${user.name}\n`)
        expect(someone.asked).to.have.length(2)
      })

      it("gives a key and then a password where both are required", async () => {
        const user = await createTestUser()
        cleanups.push(() => user.remove())
        execFileSync("chpasswd", { input: `${user.name}:right-Pw1\n` })
        const config = ["PasswordAuthentication yes", "AuthenticationMethods publickey,password"]
        const transport = await connect(await serve({ user: user.name, config }), { prompter: person("right-Pw1") })
        expect((await runOn(transport, "id -un")).stdout).to.equal(`${user.name}\n`)
      })
    })
  })
