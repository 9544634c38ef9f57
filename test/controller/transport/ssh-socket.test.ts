import { expect } from "chai"
import { spawn } from "node:child_process"
import dns from "node:dns"
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { dialTcp } from "../../../packages/controller/src/transport/ssh-socket.ts"
import type { SshSettings } from "../../../packages/controller/src/transport/ssh-settings.ts"

/** Waits with its queue of connections, and when that is full answers nobody, until it is told to go on. */
const SLOW = `const server = require("net").createServer()
  server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
    require("fs").writeSync(1, server.address().port + "\\n")
    require("fs").readSync(0, Buffer.alloc(1))
  })`

describe("dialTcp", () => {
  it("gives the first of several addresses more time than a slow link takes", async function () {
    if (process.platform !== "linux") this.skip()
    this.timeout(15_000)
    const server = spawn(process.execPath, ["-e", SLOW], { stdio: ["pipe", "pipe", "inherit"] })
    const { lookup } = dns
    const waiting: Socket[] = []
    try {
      const [line] = (await once(server.stdout, "data")) as [Buffer]
      const port = Number(line.toString())
      for (let count = 0; count < 2; count++) {
        const socket = connect(port, "127.0.0.1")
        waiting.push(socket)
        await once(socket, "connect")
      }
      const addresses = ["127.0.0.1", "127.0.0.2"].map((address) => ({ address, family: 4 }))
      dns.lookup = ((_host: string, _options: unknown, done: (error: null, found: typeof addresses) => void) =>
        done(null, addresses)) as unknown as typeof dns.lookup
      const settings = { hostName: "login", port, addressFamily: 0, connectTimeout: 10_000, connectionAttempts: 1 }
      setTimeout(() => server.stdin.write("x"), 500)
      const carrier = await dialTcp(settings as SshSettings, new AbortController().signal)
      expect((carrier.stream as Socket).remoteAddress).to.equal("127.0.0.1")
      carrier.close()
    } finally {
      dns.lookup = lookup
      for (const socket of waiting) socket.destroy()
      server.kill("SIGKILL")
    }
  })
})
