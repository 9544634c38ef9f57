import { expect } from "chai"
import { execFile, execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { homedir, hostname, userInfo } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { resolveSshSettings } from "../../../packages/controller/src/transport/ssh-settings-resolution.ts"
import type { SshSettings } from "../../../packages/controller/src/transport/ssh-settings.ts"
import type { SshTarget } from "../../../packages/controller/src/transport/ssh-target.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

const run = promisify(execFile)

/** What `ssh -G` prints, by keyword. */
type Oracle = ReadonlyMap<string, readonly string[]>

const HOME = userInfo().homedir

const given = (oracle: Oracle, keyword: string): string => oracle.get(keyword)?.[0] ?? ""
const inHome = (path: string): string => path.replace(/^~(?=\/)/, HOME)

/** Each setting as the oracle prints it; nothing for its own default. */
const COMPARED: Readonly<Record<string, (settings: SshSettings) => string | undefined>> = {
  hostname: (settings) => settings.hostName,
  user: (settings) => settings.user,
  port: (settings) => String(settings.port),
  identitiesonly: (settings) => (settings.identitiesOnly ? "yes" : "no"),
  hashknownhosts: (settings) => (settings.hashKnownHosts ? "yes" : "no"),
  batchmode: (settings) => (settings.batchMode ? "yes" : "no"),
  hostkeyalias: (settings) => settings.hostKeyAlias ?? "",
  connectionattempts: (settings) => String(settings.connectionAttempts),
  serveralivecountmax: (settings) => String(settings.keepaliveCount),
  proxyjump: (settings) => settings.proxyJump.join(","),
  proxycommand: (settings) => settings.proxyCommand ?? "",
  addressfamily: (settings) => ({ 0: "any", 4: "inet", 6: "inet6" })[settings.addressFamily],
  userknownhostsfile: (settings) => settings.userKnownHostsFiles.join(" ") || "none",
  globalknownhostsfile: (settings) => settings.globalKnownHostsFiles.join(" ") || "none",
  stricthostkeychecking: (settings) =>
    ({ yes: "true", no: "false" })[settings.strictHostKeyChecking as string] ?? settings.strictHostKeyChecking,
  bindaddress: (settings) => settings.bindAddress ?? "",
  pubkeyauthentication: (settings) => String(settings.authenticationMethods.includes("publickey")),
  forwardagent: (settings) => settings.forwardAgent ?? "no",
  compression: (settings) => (settings.compression ? "yes" : "no"),
  passwordauthentication: (settings) => (settings.authenticationMethods.includes("password") ? "yes" : "no"),
  kbdinteractiveauthentication: (settings) =>
    settings.authenticationMethods.includes("keyboard-interactive") ? "yes" : "no",
  numberofpasswordprompts: (settings) => String(settings.passwordPrompts),
  ciphers: (settings) => settings.algorithms.cipher,
  macs: (settings) => settings.algorithms.mac,
  kexalgorithms: (settings) => settings.algorithms.kex,
  hostkeyalgorithms: (settings) => settings.algorithms.hostKey,
  pubkeyacceptedalgorithms: (settings) => settings.algorithms.publicKey,
  fingerprinthash: (settings) => settings.fingerprintHash.toUpperCase(),
  requiredrsasize: (settings) => String(settings.requiredRsaSize),
  rekeylimit: ({ rekeyLimit }) => `${rekeyLimit.bytes} ${rekeyLimit.milliseconds / 1000}`,
  tcpkeepalive: (settings) => (settings.tcpKeepAlive ? "yes" : "no"),
}

describe("resolveSshSettings", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  before(async () => {
    folder = await temporaryFolder()
  })
  after(() => folder.remove())

  const target = (destination: string, configFile: string, more: Partial<SshTarget> = {}): SshTarget => ({
    destination,
    configFile,
    identityFiles: [],
    options: [],
    ...more,
  })

  const write = async (name: string, content: string): Promise<string> => {
    const path = join(folder.path, name)
    await writeFile(path, content)
    return path
  }

  describe("says what ssh -G says", function () {
    before(function () {
      try {
        execFileSync("ssh", ["-V"], { stdio: "ignore" })
      } catch {
        if (process.env["CI"] === undefined) this.skip()
        throw new Error("ssh is not installed")
      }
    })
    // ssh takes the account's home folder for ~, we that of the environment.
    const home = process.env["HOME"]
    before(() => (process.env["HOME"] = HOME))
    after(() => {
      if (home === undefined) delete process.env["HOME"]
      else process.env["HOME"] = home
    })

    const askOracle = async (config: string, destination: string, options: readonly string[]): Promise<Oracle> => {
      const args = [...options.flatMap((option) => ["-o", option]), "-G", "-F", config, destination]
      const { stdout } = await run("ssh", args)
      const result = new Map<string, string[]>()
      for (const line of stdout.trim().split("\n")) {
        const space = line.indexOf(" ")
        const keyword = space === -1 ? line : line.slice(0, space)
        const values = result.get(keyword) ?? []
        values.push(line.slice(space + 1))
        result.set(keyword, values)
      }
      return result
    }

    let unset: Oracle
    before(async () => {
      unset = await askOracle(await write("empty", ""), "a", [])
    })

    const compare = async (config: string, destination: string, options: readonly string[] = []): Promise<void> => {
      const [settings, oracle] = [
        resolveSshSettings(target(destination, config, { options })),
        await askOracle(config, destination, options),
      ]
      for (const [keyword, read] of Object.entries(COMPARED)) {
        // It prints the command as written; the tokens are there to be expanded.
        const tokens =
          keyword === "proxycommand" ? { h: given(oracle, "hostname"), p: given(oracle, "port") } : undefined
        const printed = given(oracle, keyword).split(" ").map(inHome).join(" ")
        const expected = tokens === undefined ? printed : printed.replace(/%h/g, tokens.h).replace(/%p/g, tokens.p)
        expect(read(settings) ?? given(unset, keyword), `${keyword} of ${destination}`).to.equal(expected)
      }
      if (oracle.has("identityagent")) {
        expect(settings.identityAgent ?? "none").to.equal(inHome(given(oracle, "identityagent")))
      }
      const alive = given(oracle, "serveraliveinterval")
      // Debian's has 300 with BatchMode; our own default is 5, always.
      if (alive !== "0" && !(settings.batchMode && alive === "300")) {
        expect(settings.keepaliveInterval).to.equal(Number(alive) * 1000)
      }
      if (given(oracle, "connecttimeout") !== "none") {
        expect(settings.connectTimeout).to.equal(Number(given(oracle, "connecttimeout")) * 1000)
      }
      if (settings.identityFilesNamed) {
        const named = oracle.get("identityfile")?.filter((file) => file !== "none")
        expect(settings.identityFiles).to.deep.equal(named?.map(inHome))
      }
      const sent = Object.entries(settings.environment).map(([name, value]) => `${name}=${value}`)
      if (!oracle.has("sendenv")) expect(sent.toSorted()).to.deep.equal((oracle.get("setenv") ?? []).toSorted())
    }

    const configurations: Record<string, { text: string; hosts: string[]; options?: string[] }> = {
      "the first value wins": { text: "Host a\n Port 1\nHost *\n Port 2\n User u\n", hosts: ["a", "b", "u2@a", "a:9"] },
      "patterns and negation": {
        text: "Host *.org !bad.org\n User one\nHost ?x\n User two\nHost *\n User three\n",
        hosts: ["good.org", "bad.org", "ax", "axx", "org"],
      },
      "keywords in any case, = and quotes": {
        text: 'hOsT "q" r\n  HOSTNAME=example.org\n\tport = 77\n  User "a b"\n',
        hosts: ["q", "r"],
      },
      "tokens in HostName": {
        text: "Host *.c\n HostName %h.example.org\nHost p\n HostName 100%%.org\n",
        hosts: ["x.c", "p", "UP.c"],
      },
      "several identities": {
        text: "Host a\n IdentityFile /k/1\n IdentityFile ~/.ssh/two\nHost *\n IdentityFile /k/3\n IdentityFile /k/1\n",
        hosts: ["a", "b"],
      },
      "several known_hosts files": {
        text: 'UserKnownHostsFile /a/b ~/.ssh/c "/d e"\nGlobalKnownHostsFile /x /y\n',
        hosts: ["a"],
      },
      "Match host and user": {
        text: "Host alias\n HostName deep.example.org\nMatch host *.example.org\n User matched\nMatch user matched\n Port 4\nMatch user other host deep*\n Port 5\n",
        hosts: ["alias", "other@alias", "deep.example.org", "else"],
      },
      "Match all, negated and originalhost": {
        text: "Match !host a\n Port 10\nMatch originalhost a,b\n User ab\nMatch all\n User rest\n Port 11\n",
        hosts: ["a", "b", "c"],
      },
      "Match localuser": {
        text: `Match localuser ${userInfo().username}\n User mine\nMatch localuser nobody-else\n Port 5\n`,
        hosts: ["a"],
      },
      "Match exec": {
        text: 'Match exec "test %h = a"\n User runs\nMatch host b exec "false"\n User never\nMatch exec true\n Port 8\n',
        hosts: ["a", "b", "c"],
      },
      "Match final": {
        text: "Match final host real.org\n User at-last\nHost z\n HostName real.org\n Port 3\n",
        hosts: ["z", "real.org", "other"],
      },
      "Host in the final pass, where it is compared with the host name": {
        text: "Host z\n HostName real.org\nHost real.org\n User real\nHost * !z\n Port 4\nMatch final\n Compression yes\n",
        hosts: ["z", "real.org", "other"],
      },
      "Match list with negated pattern": { text: "Match host *.org,!no.org\n User x\n", hosts: ["a.org", "no.org"] },
      "jump and command": {
        text: 'Host j\n ProxyJump one,u@two:22\nHost c\n ProxyCommand nc "%h" %p\n ProxyJump x\nHost n\n ProxyJump none\nHost *\n ProxyJump gate\n',
        hosts: ["j", "c", "n", "other"],
      },
      "checking and aliases": {
        text: "Host a\n StrictHostKeyChecking accept-new\n HostKeyAlias alias\n HashKnownHosts yes\nHost b\n StrictHostKeyChecking no\nHost c\n StrictHostKeyChecking off\nHost d\n StrictHostKeyChecking yes\n",
        hosts: ["a", "b", "c", "d", "e"],
      },
      "numbers and times": {
        text: "ConnectTimeout 1m30s\nConnectionAttempts 4\nServerAliveInterval 20\nServerAliveCountMax 6\n",
        hosts: ["a"],
      },
      methods: {
        text: "Host a\n PasswordAuthentication no\nHost b\n PubkeyAuthentication no\nHost c\n BatchMode yes\n",
        hosts: ["a", "b", "c"],
      },
      "families and addresses": { text: "Host a\n AddressFamily inet6\n BindAddress 127.0.0.2\n", hosts: ["a", "b"] },
      "comments and blank lines": {
        text: "# one\n\n   # two\nHost a # trailing\n Port 5 # here\n\n",
        hosts: ["a", "#"],
      },
      "options before the file": {
        text: "Host *\n Port 7\n User file\n",
        hosts: ["a", "typed@a"],
        options: ["Port=8", "User option", "Port=9"],
      },
      environment: {
        text: `SetEnv A=1 B="two words" 'C=3 4' A=2 D=x#y E= "F=a=b" #G=1\nSetEnv H=3\n`,
        hosts: ["a"],
      },
      "quotes, escapes and # within a word": {
        text: `Host "a" 'b' c\\ c # d\n IdentityFile /k/a#b\n IdentityFile '/k/a b' # c\n IdentityFile "/k/a \\"b\\" #c"\n IdentityFile /k/a\\ b\nUser o'ne t'wo\n"Port" 7\n`,
        hosts: ["a", "b", "c", "d"],
      },
      "= in all its places": {
        text: 'Host=a\nPort =4\nMatch host=b\nPort= 5\nMatch originalhost=c user=root\nPort\t=\t6\nMatch exec "A=d; test $A = %n"\nPort 7\n',
        hosts: ["a", "b", "c", "d"],
      },
      "names in capitals": {
        text: "Host Alpha\n Port 4\nMatch host ALPHA\n User u\nMatch originalhost BETA\n Port 5\nHost gamma\n HostName Real.ORG\nMatch host real.org\n User r\n",
        hosts: ["alpha", "Alpha", "ALPHA", "beta", "gamma"],
      },
      "Match with ! before words that take no value": {
        text: "Match !all\n Port 1\nMatch !canonical host a\n Port 2\nMatch !final\n User f\nMatch final all\n Port 3\n",
        hosts: ["a", "b"],
      },
      "tokens of Match exec": {
        text: `Match exec "test %h:%n:%p:%r:%u:%k:%i:%d = a:a:22:${userInfo().username}:${userInfo().username}:a:${process.getuid?.()}:${HOME}"\n Port 4\nMatch exec "test %L = $(hostname -s) && test %l = $(hostname) && test -n %C && test %% = %%"\n User all\n`,
        hosts: ["a", "b"],
      },
      "the home of another account": {
        text: "UserKnownHostsFile ~root/known ~/own\n",
        hosts: ["a"],
      },
      "what follows a ProxyJump": { text: "ProxyJump b # c\nProxyCommand=x %h 'y #z' # w\n", hosts: ["a"] },
      "a ProxyCommand is taken as it is": { text: `ProxyCommand=x "%h z" 'y #z' # w\nProxyJump b\n`, hosts: ["a"] },
      "addresses of IPv6": {
        text: "Host ::1 fe80::*\n Port 4\nMatch host ::2\n Port 5\n",
        hosts: ["::1", "u@fe80::1", "::2"],
      },
      "when keys are exchanged again": {
        text: "Host a\n RekeyLimit 1.5G 1h30m\nHost b\n RekeyLimit default 1w\nHost c\n RekeyLimit 500\nHost d\n RekeyLimit 64K none\n",
        hosts: ["a", "b", "c", "d", "e"],
      },
      "keys and how they are named": {
        text: "Host a\n FingerprintHash MD5\n RequiredRSASize 3072\nHost b\n FingerprintHash sha256\n TCPKeepAlive no\n PubkeyAcceptedAlgorithms ssh-ed25519,rsa-sha2-256\n",
        hosts: ["a", "b", "c"],
      },
      "agents and compression": {
        text: "Host a\n ForwardAgent /sock\nHost b\n ForwardAgent no\n Compression yes\n",
        hosts: ["a", "b", "c"],
      },
    }
    for (const [name, { text, hosts, options }] of Object.entries(configurations)) {
      it(name, async () => {
        const file = await write("config", text)
        for (const host of hosts) {
          // ssh itself takes a port only apart from the host, or in a URL.
          const destination = /^\w+:\d+$/.test(host) ? `ssh://${host}` : host
          await compare(file, destination, options)
        }
      })
    }

    it("includes, also inside of a section that doesn't apply", async () => {
      await mkdir(join(folder.path, "conf.d"), { recursive: true })
      await write("conf.d/10-a.conf", "User from-include\nHost inner\n Port 31\n")
      await write("conf.d/20-b.conf", "Port 32\n")
      await write("conf.d/.hidden.conf", "Port 1\n")
      const file = await write(
        "including",
        `Host a inner\n Include ${folder.path}/conf.d/*.conf\n ConnectionAttempts 3\nHost *\n Port 40\nInclude /nowhere/*\n`,
      )
      for (const host of ["a", "inner", "b"]) await compare(file, host)
    })

    it("includes by glob(7), ~user and quotes", async () => {
      await mkdir(join(folder.path, "g b"), { recursive: true })
      await write("g b/x1.conf", "Port 41\n")
      await write("g b/x2.conf", "User two\n")
      await write("g b/y1.conf", "ConnectionAttempts 8\n")
      for (const pattern of ["x[1-2].conf", "[!x]*.conf", "?1.conf", "{x1,x2}.conf", "x[12.conf", "x[2-1].conf"]) {
        const file = await write(
          "globs",
          `Include ~root/no-such-file "${folder.path}/g b/${pattern}"\nPort 50\nUser last\n`,
        )
        await compare(file, "a")
      }
    })

    it("refuses what ssh refuses", async () => {
      const refused = [
        'User "a',
        "User ''",
        "User a b",
        "Port 22a",
        "Port 65536",
        "IdentityFile /a /b",
        "HostName a b",
        "HostName a%",
        "SetEnv A",
        "ConnectTimeout 5x",
        "RekeyLimit none",
        "RekeyLimit 15",
        "RekeyLimit 1G 1x",
        "FingerprintHash crc",
        "AddressFamily x",
        "Match host",
        "Include",
      ]
      for (const line of refused) {
        const file = await write("refused", `${line}\n`)
        expect(() => resolveSshSettings(target("a", file)), line)
          .to.throw()
          .with.property("code", "SSH_CONFIGURATION")
        const asked = await askOracle(file, "a", []).then(
          () => "taken",
          () => "refused",
        )
        expect(asked, line).to.equal("refused")
      }
      for (const option of ["Host=b", "Match=all", "Include=/x"]) {
        expect(() => resolveSshSettings(target("a", "none", { options: [option] })), option).to.throw(/is for files/)
      }
    })

    it("a few hundred generated configurations", async function () {
      this.timeout(60_000)
      const pick = generator(20_260)
      const hosts = ["alpha", "beta.example.org", "ssh://one@gamma:77", "::1"]
      for (let round = 0; round < 300; round++) {
        const lines: string[] = []
        for (let section = 0; section < 5; section++) {
          lines.push(pick(SECTIONS))
          for (let line = 0; line < 3; line++) lines.push(`  ${pick(LINES)}`)
        }
        const file = await write("generated", `${lines.join("\n")}\n`)
        try {
          const asked = hosts.filter((_, index) => (index + round) % 2 === 0)
          await Promise.all(asked.map((host) => compare(file, host)))
        } catch (error) {
          throw new Error(`with\n${lines.join("\n")}\n`, { cause: error })
        }
      }
    })
  })

  it("expands tokens, ~ and variables in paths", async () => {
    const file = await write(
      "tokens",
      "Host a\n HostName real.org\n Port 7\n User u\n IdentityFile ~/%h/%n/%p/%r/%u/%%\n IdentityFile %d/x\n IdentityFile ${DM_TEST}/y\n",
    )
    const settings = resolveSshSettings(target("a", file), {
      home: "/home/me",
      localUser: "local",
      environment: { DM_TEST: "/var/z" },
      systemFolder: "/etc/ssh",
    })
    expect(settings.identityFiles).to.deep.equal(["/home/me/real.org/a/7/u/local/%", "/home/me/x", "/var/z/y"])
  })

  it("knows the criteria of Match that only later versions of ssh have", async () => {
    const holds = async (criteria: string): Promise<boolean> => {
      const file = await write("criteria", `Tag site\nMatch ${criteria}\n User matched\n`)
      return resolveSshSettings(target("a", file)).user === "matched"
    }
    const here = ["localnetwork 127.0.0.0/8", "localnetwork 203.0.113.0/24,127.0.0.1", "!localnetwork 203.0.113.7/32"]
    const elsewhere = ["localnetwork 203.0.113.0/24", "localnetwork 2001:db8::/32"]
    // Ours runs a command, and neither a shell nor a subsystem.
    const ours = ["sessiontype exec", "sessiontype shell,exec", "!sessiontype shell,none", '!command ""', "command *"]
    const others = ["sessiontype shell", "!sessiontype exec", 'command ""', "command git*", "version OpenSSH_9.*"]
    const both = ["tagged site", "!version OpenSSH_*", "localnetwork 127.0.0.0/8 sessiontype exec"]
    const neither = ["tagged other", 'tagged ""', "localnetwork 127.0.0.0/8 sessiontype shell"]
    for (const criteria of [...here, ...ours, ...both]) expect(await holds(criteria), criteria).to.equal(true)
    for (const criteria of [...elsewhere, ...others, ...neither]) {
      expect(await holds(criteria), criteria).to.equal(false)
    }
    for (const network of ["home", "10.0.0.0/33", "10.0.0.0/x", "::/129", "!10.0.0.0/8"]) {
      const file = await write("criteria", `Match localnetwork ${network}\n User matched\n`)
      expect(() => resolveSshSettings(target("a", file)), network).to.throw(/line 1: .* is no network/)
    }
  })

  it("has %j for the host that is gone through last, and in %C", async () => {
    const known = async (jump: string): Promise<readonly string[]> => {
      const lines = ['Match exec "test %j. = gate."', " Port 44", "Host *", " UserKnownHostsFile /k/%j /k/%C"]
      const file = await write("jump", `${jump}\n${lines.join("\n")}\n`)
      const { port, userKnownHostsFiles } = resolveSshSettings(target("a", file))
      return [...userKnownHostsFiles, String(port)]
    }
    const hash = (port: string, jump: string): string =>
      createHash("sha1").update(`${hostname()}a${port}${userInfo().username}${jump}`).digest("hex")
    expect(await known("ProxyJump first,me@gate:2222")).to.deep.equal(["/k/gate", `/k/${hash("44", "gate")}`, "44"])
    expect(await known("ProxyJump none")).to.deep.equal(["/k/", `/k/${hash("22", "")}`, "22"])
    expect(await known("ProxyCommand x\nProxyJump gate")).to.include("/k/")
  })

  it("expands tokens in ProxyJump, those of the host that it leads to", async () => {
    const file = await write("jump", "Host a\n HostName a.org\n Port 7\n ProxyJump %r@gate-%n:2%p,%h.gate\n")
    expect(resolveSshSettings(target("me@a", file)).proxyJump).to.deep.equal(["me@gate-a:27", "a.org.gate"])
  })

  it("takes times that no timer can count to for the longest that one can", async () => {
    const file = await write("long", "ConnectTimeout 3000000\nServerAliveInterval 100w\n")
    const { connectTimeout, keepaliveInterval } = resolveSshSettings(target("a", file))
    for (const milliseconds of [connectTimeout, keepaliveInterval]) {
      expect(milliseconds).to.be.within(2_000_000_000, 2 ** 31 - 1)
    }
  })

  it("runs Match exec by the person's own shell", async function () {
    if (!existsSync("/bin/bash")) this.skip()
    const file = await write("shell", 'Match exec "[[ %n == a* ]]"\n User matched\n')
    const before = process.env["SHELL"]
    process.env["SHELL"] = "/bin/bash"
    try {
      expect(resolveSshSettings(target("ab", file)).user).to.equal("matched")
    } finally {
      if (before === undefined) delete process.env["SHELL"]
      else process.env["SHELL"] = before
    }
  })

  it("tells what a Match exec complains of, and lets nothing through to our stderr, which a program may read", async () => {
    const left = join(folder.path, "left")
    // What it leaves behind has its stderr, too, and is not waited for.
    const exec = `echo no VPN >&2; (sleep 5; : >${left}) & exit 1`
    const file = await write("loud", `Match exec "${exec}"\n User matched\n`)
    const { warnings } = resolveSshSettings(target("ab", file))
    expect(warnings).to.deep.equal([`Match exec of ${file}, line 1 says: no VPN`])
    expect(existsSync(left)).to.equal(false)
  })

  it("finds the agent as IdentityAgent says", async () => {
    const surroundings = (sock?: string) => ({
      home: homedir(),
      localUser: "u",
      environment: { SSH_AUTH_SOCK: sock, OTHER: "/other" },
      systemFolder: "/none",
    })
    const file = await write(
      "agents",
      "Host a\n IdentityAgent none\nHost b\n IdentityAgent $OTHER\nHost c\n IdentityAgent /c\nHost d\n IdentityAgent SSH_AUTH_SOCK\n",
    )
    const agent = (host: string, sock?: string) =>
      resolveSshSettings(target(host, file), surroundings(sock)).identityAgent
    expect([agent("a", "/s"), agent("b", "/s"), agent("c", "/s"), agent("d", "/s")]).to.deep.equal([
      undefined,
      "/other",
      "/c",
      "/s",
    ])
    expect([agent("e", "/s"), agent("e")]).to.deep.equal(["/s", undefined])
  })

  it("puts -i before the configured identities", async () => {
    const file = await write("identities", "IdentityFile /k/configured\n")
    const settings = resolveSshSettings(target("a", file, { identityFiles: ["/k/typed"] }))
    expect(settings.identityFiles).to.deep.equal(["/k/typed", "/k/configured"])
  })

  it("warns once of what it can't honour, and of nothing else", async () => {
    const file = await write(
      "unknown",
      "IgnoreUnknown Foo*\nFooBar 1\nCanonicalizeHostname yes\nHost *\n CertificateFile /x\n ForwardAgent no\n ControlMaster auto\n Frobnicate yes\n",
    )
    const { warnings } = resolveSshSettings(target("a", file))
    expect(warnings).to.have.length(3)
    expect(warnings.join("\n")).to.match(/canonicalizehostname yes.*line 3[\s\S]*certificatefile \/x[\s\S]*frobnicate/)
  })

  it("is quiet about what distributions write for everybody", async () => {
    // As the policies of Fedora and RHEL have it.
    const file = await write(
      "policy",
      [
        "Match final all",
        " Ciphers aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr",
        " MACs hmac-sha2-256-etm@openssh.com,umac-128-etm@openssh.com,hmac-sha2-512",
        " GSSAPIKeyExchange no",
        " GSSAPIKexAlgorithms gss-curve25519-sha256-,gss-nistp256-sha256-",
        " KexAlgorithms mlkem768x25519-sha256,curve25519-sha256,diffie-hellman-group14-sha256",
        " PubkeyAcceptedAlgorithms ecdsa-sha2-nistp256,ssh-ed25519,ssh-ed25519-cert-v01@openssh.com,rsa-sha2-256",
        " CASignatureAlgorithms ecdsa-sha2-nistp256,ssh-ed25519,rsa-sha2-512",
        " RequiredRSASize 2048",
        " ForwardX11Trusted yes",
        " IPQoS lowdelay throughput",
      ].join("\n"),
    )
    const { warnings, beyond } = resolveSshSettings(target("a", file))
    expect([...warnings, ...beyond]).to.deep.equal([])
  })

  it("warns of what would have an effect here, unless its value has none", async () => {
    const told = ["CheckHostIP yes", "IPQoS ef", "IPQoS none cs1", "LogLevel DEBUG", "ChannelTimeout *=1m"]
    const not = [
      "CheckHostIP no",
      "IPQoS none",
      "IPQoS af21 cs1",
      "IPQoS ef 0x00",
      "LogLevel INFO",
      "ChannelTimeout none",
    ]
    for (const option of [...told, ...not]) {
      const byFile = resolveSshSettings(target("a", await write("effect", `${option}\n`))).warnings
      const byOption = resolveSshSettings(target("a", "none", { options: [option] })).warnings
      expect([byFile.length, byOption.length], option).to.deep.equal(told.includes(option) ? [1, 1] : [0, 0])
    }
    for (const level of ["QUIET", "FATAL", "error"]) {
      const options = [`LogLevel=${level}`, "CheckHostIP=yes"]
      expect(resolveSshSettings(target("a", "none", { options })).warnings, level).to.deep.equal([])
    }
  })

  const malformed: [string, string, RegExp][] = [
    ["a missing argument", "Host a\nPort\n", /line 2/],
    ["an unclosed quote", 'IdentityFile "/x\n', /line 1/],
    ["a port that is none", "Port many\n", /port many/],
    ["a flag that is none", "IdentitiesOnly maybe\n", /identitiesonly maybe/],
    ["an unknown token", "HostName %z\n", /%z/],
    ["a home of nobody", "IdentityFile ~no-such-user/key\n", /~no-such-user\/key.*no user "no-such-user"/],
    ["an agent in a home of nobody", "IdentityAgent ~no-such-user/socket\n", /no user "no-such-user"/],
    ["an unknown criterion", "Match weather fine\n Port 1\n", /line 1.*weather/],
  ]
  for (const [name, text, message] of malformed) {
    it(`refuses ${name}, naming the place`, async () => {
      const file = await write("malformed", text)
      expect(() => resolveSshSettings(target("a", file)))
        .to.throw(message)
        .with.property("code", "SSH_CONFIGURATION")
    })
  }

  it("says that a file is UTF-16, as PowerShell writes it, not which of its words is wrong", async () => {
    const file = join(folder.path, "utf-16")
    await writeFile(file, Buffer.from("\ufeffHost a\n Port 2222\n", "utf16le"))
    expect(() => resolveSshSettings(target("a", file)))
      .to.throw(/it is not UTF-8$/)
      .with.property("code", "SSH_CONFIGURATION")
  })

  it("refuses a file that was named and isn't there, and does without the usual ones", () => {
    expect(() => resolveSshSettings(target("a", join(folder.path, "missing"))))
      .to.throw(/missing": no such file or directory/)
      .with.property("code", "USAGE")
    expect(() => resolveSshSettings(target("a", folder.path)))
      .to.throw(/illegal operation on a directory/)
      .with.property("exitStatus", 6)
    const surroundings = { home: folder.path, localUser: "u", environment: {}, systemFolder: folder.path }
    const settings = resolveSshSettings({ destination: "h", identityFiles: [], options: [] }, surroundings)
    expect(settings).to.include({ hostName: "h", user: "u", port: 22, strictHostKeyChecking: "ask" })
  })
})

const SECTIONS = [
  "Host *",
  "Host alpha",
  "Host beta.* !beta.example.*",
  "Host *a",
  "Host gamma alpha",
  "Match host *.example.org",
  "Match originalhost gamma user one",
  "Match user one,two",
  "Match all",
  "Match !user two host *a*",
  "Match host real.example.org",
  "Match final host real.example.org",
  "Match !final originalhost=beta*",
  'Match exec "test %n = alpha" user *e',
  "Host \"gamma\" '*::1' # alpha",
  "Match localuser no-such-user",
]

const LINES = [
  "HostName real.example.org",
  "HostName %h.net",
  "User one",
  "User two",
  "Port 2201",
  "Port 2202",
  "IdentityFile /k/one",
  "IdentityFile ~/.ssh/two",
  "IdentitiesOnly yes",
  "UserKnownHostsFile /kh/one /kh/two",
  "StrictHostKeyChecking accept-new",
  "StrictHostKeyChecking no",
  "ConnectTimeout 7",
  "ServerAliveInterval 30",
  "ServerAliveCountMax 9",
  "ProxyJump hop",
  "ProxyCommand connect %h %p",
  "HostKeyAlias known",
  "PasswordAuthentication no",
  "AddressFamily inet",
  "identityfile '/k/with space' # two",
  "IdentityFile /k/a#b",
  "User=a\\ b",
  "SetEnv A=1 'B=2 3'",
  "SetEnv C=4",
  "ProxyJump one@gate:22,two",
  "BindAddress ::1",
  "ForwardAgent no",
  "Compression yes",
  "ConnectionAttempts 3",
  "PubkeyAuthentication no",
  'GlobalKnownHostsFile /g/one "/g/two"',
  "HashKnownHosts yes",
  "UserKnownHostsFile none",
  "IdentityFile none",
  "IdentityAgent ~/agent",
  "IdentityAgent none",
  "KbdInteractiveAuthentication no",
  "ChallengeResponseAuthentication yes",
  "NumberOfPasswordPrompts 2",
  "BatchMode yes",
  "Ciphers aes256-ctr,aes128-ctr",
  "MACs hmac-sha2-512",
  "KexAlgorithms curve25519-sha256,ecdh-sha2-nistp256",
  "HostKeyAlgorithms ssh-ed25519",
  "ConnectTimeout 1m5s",
  "Include nowhere/*",
]

/** The same choices in every run (a linear congruential generator). */
function generator(seed: number): (from: readonly string[]) => string {
  let state = seed
  return (from) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return from[Math.floor((state / 2 ** 32) * from.length)] ?? ""
  }
}
