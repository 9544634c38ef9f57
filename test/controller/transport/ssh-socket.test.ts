import { expect } from "chai"
import { spawn } from "node:child_process"
import dns from "node:dns"
import { once } from "node:events"
import { readFile } from "node:fs/promises"
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net"
import { dialTcp, type SshCarrier } from "../../../packages/controller/src/transport/ssh-socket.ts"
import { freePort } from "../../helpers/free-port.ts"
import { rejection } from "../../helpers/rejection.ts"
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

  it("tries as often as ConnectionAttempts says, and tells why the last one failed", async () => {
    const port = await freePort()
    const settings = { label: "cluster", hostName: "127.0.0.1", originalHost: "cluster", port, connectTimeout: 10_000 }
    const dial = async (connectionAttempts: number): Promise<SshCarrier> => {
      const all = { ...settings, connectionAttempts, addressFamily: 0 } as SshSettings
      return await dialTcp(all, new AbortController().signal)
    }
    expect((await rejection(dial(1))).message).to.contain("it refused the connection")
    const dialing = dial(20)
    // The first attempt of that, begun earlier, is over by then, too.
    await rejection(dial(1))
    const server = createServer().listen(port, "127.0.0.1")
    try {
      const carrier = await dialing
      carrier.close()
    } finally {
      server.close()
    }
  })

  it("has the system ask for signs of life, unless TCPKeepAlive says no", async function () {
    if (process.platform !== "linux") this.skip()
    const server = createServer().listen(0, "127.0.0.1")
    await once(server, "listening")
    try {
      const { port } = server.address() as AddressInfo
      const settings = { hostName: "127.0.0.1", port, connectTimeout: 10_000, connectionAttempts: 1, addressFamily: 0 }
      for (const tcpKeepAlive of [true, false]) {
        const carrier = await dialTcp({ ...settings, tcpKeepAlive } as SshSettings, new AbortController().signal)
        const { localPort = 0 } = carrier.stream as Socket
        const own = `:${localPort.toString(16).toUpperCase().padStart(4, "0")} `
        const line = (await readFile("/proc/net/tcp", "utf8"))
          .split("\n")
          .find((text) => text.slice(0, 20).includes(own))
        // proc(5), of the timer: 2 is the one of these signs.
        expect(line?.trim().split(/\s+/)[5]?.slice(0, 2)).to.equal(tcpKeepAlive ? "02" : "00")
        carrier.close()
      }
    } finally {
      server.close()
    }
  })

  describe("from an address of one's own choosing", () => {
    let server: Server
    let came: string[]
    beforeEach(async () => {
      came = []
      server = createServer((socket) => {
        came.push(socket.remoteAddress ?? "")
        socket.destroy()
      }).listen(0, "127.0.0.1")
      await once(server, "listening")
    })
    afterEach(() => server.close())

    const dial = async (more: Partial<SshSettings>): Promise<void> => {
      const { port } = server.address() as AddressInfo
      const settings = {
        label: "cluster",
        hostName: "localhost",
        originalHost: "cluster",
        port,
        connectTimeout: 10_000,
      }
      const all = { ...settings, connectionAttempts: 1, addressFamily: 0, ...more } as SshSettings
      const carrier = await dialTcp(all, new AbortController().signal)
      const { stream } = carrier
      stream.resume()
      await once(stream, "close")
      carrier.close()
    }

    it("goes out from there, also where it is a name", async function () {
      if (process.platform !== "linux") this.skip()
      await dial({ bindAddress: "127.0.0.2" })
      await dial({ bindAddress: "localhost", addressFamily: 4 })
      await dial({ bindAddress: "localhost", hostName: "127.0.0.1" })
      expect(came).to.deep.equal(["127.0.0.2", "127.0.0.1", "127.0.0.1"])
    })

    for (const [what, more, reason] of [
      ["of another machine", { bindAddress: "192.0.2.7" }, 'BindAddress "192.0.2.7" is no address of this machine'],
      ["that is none", { bindAddress: "no.such.invalid" }, 'BindAddress "no.such.invalid" is no address'],
      ["of another family", { bindAddress: "::1", hostName: "127.0.0.1" }, 'BindAddress "::1" is no address of IPv4'],
      [
        "of a family that AddressFamily leaves out",
        { hostName: "127.0.0.1", addressFamily: 6 },
        "its address is one of IPv4, and AddressFamily asks for IPv6",
      ],
    ] as const) {
      it(`tells of one ${what}`, async () => {
        const error = await rejection(dial(more))
        expect(error).to.include({ code: "UNREACHABLE", exitStatus: 8 })
        expect(error.message).to.contain(`Cannot reach "cluster" (${"hostName" in more ? more.hostName : "localhost"}`)
        expect(error.message).to.contain(reason)
        expect(came).to.deep.equal([])
      })
    }
  })
})
