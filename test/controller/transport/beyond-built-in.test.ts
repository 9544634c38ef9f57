import { expect } from "chai"
import { writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { beyondBuiltIn } from "../../../packages/controller/src/transport/beyond-built-in.ts"
import { resolveSshSettings } from "../../../packages/controller/src/transport/ssh-settings-resolution.ts"
import { generateKey, temporaryFolder } from "../../helpers/ssh-client-files.ts"

const field = (text: string | Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, Buffer.from(text as string)])
}

/** What an agent answers that holds keys of these types. */
function identitiesAnswer(types: readonly string[]): Buffer {
  const keys = types.flatMap((type) => [field(Buffer.concat([field(type), field("the key")])), field(`my ${type}`)])
  return field(Buffer.concat([Buffer.from([12, 0, 0, 0, types.length]), ...keys]))
}

describe("what is beyond the built-in client", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  const cleanups: (() => void)[] = []
  before(async () => {
    folder = await temporaryFolder()
  })
  afterEach(() => {
    for (const cleanup of cleanups.splice(0)) cleanup()
  })
  after(() => folder.remove())

  const agent = async (answer: Buffer, pieces = 1): Promise<string> => {
    const path = join(folder.path, `agent-${cleanups.length}`)
    const server = createServer((socket) => {
      socket.on("error", () => undefined)
      socket.once("data", () => {
        const size = Math.ceil(answer.length / pieces)
        for (let at = 0; at < answer.length; at += size) socket.write(answer.subarray(at, at + size))
        if (answer.length === 0) socket.end()
      })
    })
    await new Promise<void>((resolve) => server.listen(path, resolve))
    cleanups.push(() => server.close())
    return path
  }
  const beyond = async (text: string): Promise<string[]> => {
    const configFile = join(folder.path, "config")
    await writeFile(configFile, `IdentityFile /none\nUserKnownHostsFile /none\n${text}`)
    const target = { destination: "goal", configFile, identityFiles: [], options: [] }
    return await beyondBuiltIn(target, resolveSshSettings(target))
  }

  it("a hardware key or a certificate that only the agent has, unless other keys were asked for", async () => {
    const types = ["ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ssh-rsa-cert-v01@openssh.com"]
    const socket = await agent(identitiesAnswer(types), 7)
    expect(await beyond(`IdentityAgent ${socket}\n`)).to.deep.equal([
      'the hardware key "my sk-ssh-ed25519@openssh.com" of the SSH agent',
      'the certificate "my ssh-rsa-cert-v01@openssh.com" of the SSH agent',
    ])
    expect(await beyond(`IdentityAgent ${socket}\nIdentitiesOnly yes\n`)).to.deep.equal([])
    expect(await beyond(`IdentityAgent ${socket}\nPubkeyAuthentication no\n`)).to.deep.equal([])
  })

  it("nothing that an agent says which has nothing to say, or makes no sense", async () => {
    const whole = identitiesAnswer(["sk-ssh-ed25519@openssh.com"])
    const cutShort = Buffer.concat([field(whole.subarray(4, 30))])
    for (const answer of [identitiesAnswer([]), Buffer.alloc(0), Buffer.from([0, 0, 0, 1, 5]), cutShort]) {
      expect(await beyond(`IdentityAgent ${await agent(answer)}\n`)).to.deep.equal([])
    }
    expect(await beyond("IdentityAgent /no/such/socket\n")).to.deep.equal([])
  })

  for (const line of ["RevokedHostKeys /x", "KnownHostsCommand /x", "BindInterface lo", "CertificateFile /x"]) {
    it(`"${line}", of any host on the way`, async () => {
      expect((await beyond(`Host goal\n ${line}\n`))[0]).to.contain(line.split(" ")[1] ?? "")
      const chain = `Host goal\n ProxyJump first,second\nHost first\n ${line}\n`
      expect(await beyond(chain)).to.have.length(1)
      expect(
        await beyond(`Host goal\n ProxyJump second\nHost second\n ProxyJump first\nHost first\n ${line}\n`),
      ).to.have.length(1)
    })
  }

  it("a name server's word for a host's key, where no file has it", async () => {
    const known = join(folder.path, "known_hosts")
    await writeFile(known, `elsewhere ${generateKey().public}\n`)
    for (const value of ["yes", "ask"]) {
      const lines = `Host goal\n VerifyHostKeyDNS ${value}\n GlobalKnownHostsFile ${known}\n`
      expect(await beyond(lines)).to.deep.equal(["VerifyHostKeyDNS, for a host whose key is not known"])
      expect(await beyond(`${lines} HostName elsewhere\n`)).to.deep.equal([])
    }
    expect(await beyond("VerifyHostKeyDNS no\n")).to.deep.equal([])
  })
})
