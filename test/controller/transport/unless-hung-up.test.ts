import { DatamaestroError } from "@datamaestro/protocol"
import { expect } from "chai"
import { readFile, writeFile } from "node:fs/promises"
import { connect, createServer, type AddressInfo } from "node:net"
import { join } from "node:path"
import { connectSsh } from "../../../packages/controller/src/transport/connect-ssh.ts"
import type { SshTransportName } from "../../../packages/controller/src/transport/ssh-target.ts"
import type { Transport } from "../../../packages/controller/src/transport/transport.ts"
import { HUNG_UP, unlessHungUp } from "../../../packages/controller/src/transport/unless-hung-up.ts"
import { skipWithoutSshd } from "../../helpers/sshd.ts"
import { testServers } from "../../helpers/test-servers.ts"
import { failureOf, nobody, person, runOn } from "./ssh-fixtures.ts"

describe("a server that hangs up before it says a word", function () {
  this.timeout(30_000)
  const { cleanups, folder, serve, serveBySshd } = testServers()

  /** What stands before a server and hangs up on so many, as one does that has too many log-ins under way. */
  const busyFront = async (port: number, refusals: number): Promise<{ port: number; connections: () => number }> => {
    let connections = 0
    const front = createServer((client) => {
      connections++
      if (connections <= refusals) return void client.destroy()
      const server = connect(port, "127.0.0.1")
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        from.on("error", () => to.destroy())
        from.pipe(to)
      }
    })
    await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve))
    cleanups.push(() => void front.close())
    return { port: (front.address() as AddressInfo).port, connections: () => connections }
  }
  const dial = (
    configFile: string,
    transport: SshTransportName,
    options: string[],
    notices: string[] = [],
  ): Promise<Transport> =>
    connectSsh(
      { destination: "machine", configFile, identityFiles: [], options, transport },
      { prompter: nobody, onNotice: ({ level, message }) => level !== "debug" && notices.push(message) },
    )

  for (const transport of ["ssh2", "openssh"] as const) {
    describe(`by ${transport}`, () => {
      before(function () {
        if (transport === "openssh") skipWithoutSshd(this)
      })

      it("is asked again, and says what there is to tell once", async () => {
        const server = await serve()
        const front = await busyFront(server.port, 2)
        const notices: string[] = []
        const options = [`Port=${front.port}`, "StrictHostKeyChecking=no", "CheckHostIP=yes"]
        const connection = await dial(server.configFile, transport, options, notices)
        expect((await runOn(connection, "echo there")).stdout).to.equal("there\n")
        await connection.close()
        expect(new Set(notices).size).to.equal(notices.length)
        if (transport === "ssh2") expect(notices.join()).to.contain("does not honour")
      })

      it("is left alone at last", async () => {
        const server = await serve()
        const front = await busyFront(server.port, 99)
        const error = await failureOf(dial(server.configFile, transport, [`Port=${front.port}`]))
        expect(error.code).to.equal("UNREACHABLE")
        expect(error.hint).to.contain("too many connections at once")
        expect(front.connections()).to.equal(3)
      })

      // With the system's ssh each attempt asks it twice, the second time for what it says.
      it("is a jump host, which is asked again", async function () {
        skipWithoutSshd(this)
        const machine = await serveBySshd()
        const front = await busyFront(machine.port, 2)
        const path = join(await folder(), "config")
        const known = await readFile(machine.configFile, "utf8")
        const jump = `Host jump\n  Port ${front.port}\n  StrictHostKeyChecking no\n`
        const all = `Host machine\n  ProxyJump jump\n${jump}${known.replace(/^Host machine/m, "Host machine jump")}`
        await writeFile(path, all)
        const connection = await dial(path, transport, [])
        expect((await runOn(connection, "echo there")).stdout).to.equal("there\n")
        await connection.close()
      })
    })
  }

  it("is not asked again where the person was asked on the way", async () => {
    const hungUp = new DatamaestroError("UNREACHABLE", "Cannot reach", { hint: "", details: { reason: HUNG_UP } })
    const someone = person("123456", "123456")
    const attempt = unlessHungUp({ prompter: someone, onNotice: () => {} }, async ({ prompter }) => {
      await prompter.ask({ text: "Code:", hidden: true })
      throw hungUp
    })
    expect(await failureOf(attempt)).to.equal(hungUp)
    expect(someone.asked).to.have.length(1)
  })
})
