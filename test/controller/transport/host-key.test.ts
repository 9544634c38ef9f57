import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { readFile, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { HostKeyCheck, readHostKey, type HostKey } from "../../../packages/controller/src/transport/host-key.ts"
import type { Question } from "../../../packages/controller/src/transport/prompter.ts"
import { resolveSshSettings } from "../../../packages/controller/src/transport/ssh-settings-resolution.ts"
import { generateKey, temporaryFolder, type KeyType } from "../../helpers/ssh-client-files.ts"

const hostKey = (type: KeyType = "ed25519"): HostKey & { line: string } => {
  const [name = "", blob = ""] = generateKey(type).public.split(" ")
  return { ...readHostKey(Buffer.from(blob, "base64")), line: `${name} ${blob}` }
}

describe("HostKeyCheck", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let notices: string[]
  beforeEach(async () => {
    folder = await temporaryFolder()
    notices = []
  })
  afterEach(() => folder.remove())

  const path = (name: string): string => join(folder.path, name)
  const noOne = { available: false, ask: () => Promise.reject(new Error("nobody is there")) }
  const answering = (...answers: string[]) => {
    const asked: string[] = []
    const ask = ({ text, preface = "" }: Question): Promise<string> => {
      asked.push(`${preface}\n${text}`)
      return Promise.resolve(answers.shift() ?? "")
    }
    return { available: true, ask, asked }
  }

  const verify = async (
    key: HostKey,
    options: string[] = [],
    destination = "host.example.org",
    prompter: { available: boolean; ask: (question: Question) => Promise<string> } = noOne,
  ): Promise<void> => {
    const settings = resolveSshSettings({
      destination,
      configFile: "none",
      identityFiles: [],
      options: [
        ...options,
        `UserKnownHostsFile ${path("known")} ${path("more")}`,
        `GlobalKnownHostsFile ${path("global")}`,
      ],
    })
    const check = await HostKeyCheck.load(settings)
    await check.verify(check.read(key.blob), prompter, (level, message) => notices.push(`${level}: ${message}`))
  }

  const refusal = async (attempt: Promise<void>): Promise<DatamaestroError> => {
    try {
      await attempt
    } catch (error) {
      expect(error).to.be.instanceOf(DatamaestroError)
      return error as DatamaestroError
    }
    throw new Error("the key was accepted")
  }

  it("accepts a key that any of the files has, plain or by pattern", async () => {
    const [one, two, three] = [hostKey(), hostKey(), hostKey()]
    await writeFile(
      path("known"),
      `# a comment\n\nother ${hostKey().line}\nhost.example.org,alias ${one.line} comment\n`,
    )
    await writeFile(path("more"), `*.net,!bad.net ${two.line}\n`)
    await writeFile(path("global"), `@cert-authority * ${hostKey().line}\nthird ${three.line}\n`)
    await verify(one)
    await verify(one, [], "alias")
    await verify(two, [], "any.net")
    await verify(three, [], "third")
    expect((await refusal(verify(two, [], "bad.net"))).code).to.equal("HOST_KEY_UNKNOWN")
  })

  it("reads what ssh-keygen -H has hashed", async () => {
    const [one, two] = [hostKey(), hostKey()]
    await writeFile(path("known"), `host.example.org ${one.line}\n[host.example.org]:2222 ${two.line}\n`)
    execFileSync("ssh-keygen", ["-H", "-f", path("known")], { stdio: "ignore" })
    expect(await readFile(path("known"), "utf8")).to.not.contain("example")
    await verify(one)
    await verify(two, [], "host.example.org:2222")
    expect((await refusal(verify(one, [], "elsewhere.org"))).code).to.equal("HOST_KEY_UNKNOWN")
  })

  it("minds the port, but takes a matching key of the host without it, as OpenSSH does", async () => {
    const [plain, ported] = [hostKey(), hostKey()]
    await writeFile(path("known"), `host.example.org ${plain.line}\n[host.example.org]:2222 ${ported.line}\n`)
    await verify(ported, [], "host.example.org:2222")
    await verify(plain, [], "host.example.org:2200")
    const error = await refusal(verify(hostKey(), [], "host.example.org:2200"))
    expect(error.code).to.equal("HOST_KEY_UNKNOWN")
  })

  it("looks for the HostKeyAlias instead, whatever the port", async () => {
    const key = hostKey()
    await writeFile(path("known"), `cluster ${key.line}\n`)
    await verify(key, ["HostKeyAlias cluster"], "10.0.0.1:2222")
    expect((await refusal(verify(key, [], "10.0.0.1:2222"))).code).to.equal("HOST_KEY_UNKNOWN")
  })

  it("refuses a changed key whatever was said, with file, line and command", async () => {
    const [known, shown] = [hostKey(), hostKey()]
    await writeFile(path("known"), `\nhost.example.org ${known.line}\n`)
    for (const mode of ["ask", "yes", "accept-new", "no", "off"]) {
      const error = await refusal(verify(shown, [`StrictHostKeyChecking ${mode}`], undefined, answering("yes")))
      expect(error.code).to.equal("HOST_KEY_CHANGED")
      expect(error.message)
        .to.contain(`${path("known")}, line 2`)
        .and.contain(known.fingerprint)
      expect(error.hint).to.contain(`ssh-keygen -f "${path("known")}" -R "host.example.org"`)
    }
    expect(await readFile(path("known"), "utf8")).to.equal(`\nhost.example.org ${known.line}\n`)
  })

  it("takes a key of another type for a changed one", async () => {
    await writeFile(path("known"), `host.example.org ${hostKey("ecdsa").line}\n`)
    const error = await refusal(verify(hostKey(), ["StrictHostKeyChecking accept-new"]))
    expect(error.code).to.equal("HOST_KEY_CHANGED")
  })

  it("waits for nobody who might write into a pipe, and reads the other files", async function () {
    if (process.platform === "win32") this.skip()
    const key = hostKey()
    execFileSync("mkfifo", [path("known")])
    await writeFile(path("more"), `host.example.org ${key.line}\n`)
    await verify(key)
  })

  it("accepts one of several known keys", async () => {
    const [one, two] = [hostKey(), hostKey()]
    await writeFile(path("known"), `host.example.org ${one.line}\nhost.example.org ${two.line}\n`)
    await verify(two)
  })

  it("refuses a revoked key even where it is known", async () => {
    const key = hostKey()
    await writeFile(path("known"), `host.example.org ${key.line}\n@revoked * ${key.line}\n`)
    const error = await refusal(verify(key, ["StrictHostKeyChecking no"]))
    expect(error.code).to.equal("HOST_KEY_CHANGED")
    expect(error.message).to.contain("revoked").and.contain("line 2")
  })

  it("refuses on any port a key that is revoked for the host", async () => {
    const key = hostKey()
    await writeFile(path("known"), `[host.example.org]:2222 ${key.line}\n@revoked host.example.org ${key.line}\n`)
    const error = await refusal(verify(key, [], "host.example.org:2222"))
    expect(error.message).to.contain("revoked").and.contain("line 2")
  })

  it("knows no key by a line that says it is of another type", async () => {
    const key = hostKey()
    await writeFile(path("known"), `host.example.org ${key.line.replace("ssh-ed25519", "ssh-rsa")}\n`)
    expect((await refusal(verify(key))).code).to.equal("HOST_KEY_UNKNOWN")
  })

  it("tells that a certificate authority is of no use here", async () => {
    await writeFile(path("known"), `@cert-authority *.example.org ${hostKey().line}\n`)
    const error = await refusal(verify(hostKey()))
    expect(error.code).to.equal("HOST_KEY_UNKNOWN")
    expect(error.message).to.contain("certificate authority")
  })

  it("refuses an unknown key without a terminal, and says what to do", async () => {
    const key = hostKey()
    for (const mode of ["ask", "yes"]) {
      const error = await refusal(verify(key, [`StrictHostKeyChecking ${mode}`], "host.example.org:2222"))
      expect(error.code).to.equal("HOST_KEY_UNKNOWN")
      expect(error.message).to.contain(key.fingerprint)
      expect(error.hint)
        .to.contain("ssh-keyscan -p 2222 host.example.org")
        .and.contain("StrictHostKeyChecking=accept-new")
    }
    // As it was typed: what the configuration says of its name, user and files then holds for ssh, too.
    const alias = await refusal(verify(key, ["HostName host.example.org", "Port 2222"], "cluster"))
    expect(alias.hint).to.contain('connect once with "ssh cluster"')
  })

  it("asks on a terminal, records a yes, and never asks when told to be strict or in BatchMode", async () => {
    const key = hostKey()
    const person = answering("maybe", "yes")
    await verify(key, [], undefined, person)
    expect(person.asked).to.have.length(2)
    expect(person.asked[0]).to.contain(key.fingerprint).and.contain("ED25519").and.contain("yes/no/fingerprint")
    await verify(key)
    expect((await stat(path("known"))).mode & 0o777).to.equal(0o600)

    for (const option of ["StrictHostKeyChecking yes", "BatchMode yes"]) {
      const nobody = answering("yes")
      const error = await refusal(verify(hostKey(), [option], "new.org", nobody))
      expect(error.code).to.equal("HOST_KEY_UNKNOWN")
      expect(nobody.asked).to.have.length(0)
    }
  })

  it("takes the right fingerprint for a yes, a wrong one and silence for a no", async () => {
    const key = hostKey()
    await verify(key, [], "one.org", answering(key.fingerprint))
    for (const answers of [["no"], [hostKey().fingerprint], ["", "", "", "", ""]]) {
      const error = await refusal(verify(key, [], "two.org", answering(...answers)))
      expect(error.code).to.equal("HOST_KEY_UNKNOWN")
    }
  })

  it("names keys by the digest that FingerprintHash has, and takes it for a yes", async () => {
    const key = hostKey()
    await writeFile(path("key.pub"), `${key.line}\n`)
    for (const hash of ["md5", "SHA1", "sha256"]) {
      const listed = execFileSync("ssh-keygen", ["-l", "-E", hash.toLowerCase(), "-f", path("key.pub")]).toString()
      const [, fingerprint = ""] = listed.split(" ")
      const person = answering(fingerprint)
      await verify(key, [`FingerprintHash ${hash}`, "UserKnownHostsFile /dev/null"], "host.example.org", person)
      expect(person.asked[0]).to.contain(`ED25519 key ${fingerprint}`)
    }
  })

  it("refuses an RSA key of fewer bits than RequiredRSASize, known or not", async () => {
    const key = hostKey("rsa")
    await writeFile(path("known"), `host.example.org ${key.line}\n`)
    await verify(key, ["RequiredRSASize 2048"])
    const error = await refusal(verify(key, ["RequiredRSASize 2049", "StrictHostKeyChecking no"]))
    expect(error.code).to.equal("HOST_KEY_UNKNOWN")
    expect(error.message).to.match(/its RSA key SHA256:\S+ has 2048 bits, fewer than RequiredRSASize 2049$/)
    const cut = await refusal(verify({ ...key, blob: key.blob.subarray(0, 12) }, ["StrictHostKeyChecking no"]))
    expect(cut.message).to.contain("has 0 bits")
  })

  it("takes no new key where no file may keep it, as ssh does", async () => {
    for (const mode of ["accept-new", "no", "ask"]) {
      const options = ["UserKnownHostsFile none", `StrictHostKeyChecking ${mode}`]
      const { ask, available, asked } = answering("yes")
      const error = await refusal(verify(hostKey(), options, "host.example.org", { ask, available }))
      expect(error.code).to.equal("HOST_KEY_UNKNOWN")
      expect(error.message).to.contain('UserKnownHostsFile is "none"')
      expect(error.hint).to.contain("UserKnownHostsFile").and.not.contain("accept-new")
      expect(asked).to.deep.equal([])
    }
    const known = hostKey()
    await writeFile(path("global"), `host.example.org ${known.line}\n`)
    await verify(known, ["UserKnownHostsFile none"])
  })

  it("accepts and records new keys with accept-new, making file and folder, hashed when asked", async () => {
    const key = hostKey()
    const file = path("deep/er/known_hosts")
    const options = (hash: string): string[] => [
      `UserKnownHostsFile ${file}`,
      "StrictHostKeyChecking accept-new",
      `HashKnownHosts ${hash}`,
    ]
    await verify(key, options("no"))
    await verify(key, options("yes"), "hidden.org:99")
    expect((await stat(path("deep"))).mode & 0o777).to.equal(0o700)
    const text = await readFile(file, "utf8")
    expect(text).to.match(/^host\.example\.org ssh-ed25519 \S+\n\|1\|\S+ ssh-ed25519 \S+\n$/)
    const found = execFileSync("ssh-keygen", ["-F", "[hidden.org]:99", "-f", file], { encoding: "utf8" })
    expect(found).to.contain("line 2")
    expect(notices.filter((notice) => notice.startsWith("info: Added"))).to.have.length(2)
  })

  it("starts a line of its own after one without end", async () => {
    const [one, two] = [hostKey(), hostKey()]
    await writeFile(path("known"), `one.org ${one.line}`)
    await verify(two, ["StrictHostKeyChecking accept-new"], "two.org")
    await verify(one, [], "one.org")
    await verify(two, [], "two.org")
  })

  it("goes on with a warning where the key can't be recorded", async () => {
    await writeFile(path("in-the-way"), "")
    const options = [`UserKnownHostsFile ${path("in-the-way")}/known_hosts`, "StrictHostKeyChecking accept-new"]
    await verify(hostKey(), options)
    expect(notices.join()).to.match(/warning: Cannot add the host key/)
  })

  it("warns when told not to check", async () => {
    await verify(hostKey(), ["StrictHostKeyChecking no"])
    expect(notices.join()).to.match(/warning: .*was not checked/)
  })

  it("says that a file is none that can be read, as PowerShell's > writes it, before its keys are unknown or new", async () => {
    const key = hostKey()
    await writeFile(path("known"), `\ufeffhost.example.org ${key.line}\r\n`, "utf16le")
    const unknown = await refusal(verify(key))
    expect(unknown.message).to.contain(
      `is not known: "${path("known")}" is not UTF-8, and no other known_hosts file has it`,
    )
    await verify(key, [`UserKnownHostsFile ${path("more")} ${path("known")}`, "StrictHostKeyChecking accept-new"])
    expect(notices[0]).to.equal(`warning: No key in "${path("known")}" is known: it is not UTF-8; save it as UTF-8`)
    await verify(key, [`UserKnownHostsFile ${path("known")} ${path("more")}`])
    expect(notices, "known all the same").to.have.lengthOf(3)
  })

  it("says that a file can't be read, in which the key may be", async () => {
    const unknown = await refusal(verify(hostKey(), [`UserKnownHostsFile ${path("none")} ${path("/")}`]))
    expect(unknown.message).to.match(/is not known: "\S+" can't be read \(\S.*\), and no other known_hosts file has it/)
    expect(notices.join()).to.match(/^warning: No key in "\S+" is known: it can't be read/)
  })

  it("survives lines that are none", async () => {
    const key = hostKey()
    const broken = ["host.example.org", "host.example.org ssh-ed25519", "host.example.org ssh-ed25519 AAAA", "@x y z w"]
    await writeFile(path("known"), `${broken.join("\n")}\n|1|x|y ssh-rsa AAAA\n\0\xff\nhost.example.org ${key.line}\n`)
    await verify(key)
  })
})
