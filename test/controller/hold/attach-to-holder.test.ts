import { expect } from "chai"
import { createServer, type Server, type Socket } from "node:net"
import { join } from "node:path"
import { onFrames, writeFrame } from "../../../packages/controller/src/hold/frames.ts"
import { attachToHolder } from "../../../packages/controller/src/hold/attach-to-holder.ts"
import { silentPrompter } from "../../../packages/controller/src/reporter/silent-prompter.ts"
import { rejection } from "../../helpers/rejection.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("a connection that another process holds", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let path: string
  let server: Server
  const sockets = new Set<Socket>()
  beforeEach(async () => {
    folder = await temporaryFolder()
    path = join(folder.path, "holder")
  })
  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
    await folder.remove()
  })

  /** @param answer to what is asked first on each socket */
  const hold = async (answer: (op: string, socket: Socket) => void): Promise<void> => {
    server = createServer((socket) => {
      sockets.add(socket)
      socket.on("error", () => undefined)
      onFrames(socket, (_type, content) => answer((JSON.parse(content.toString()) as { op: string }).op, socket))
    })
    await new Promise<void>((resolve) => server.listen(path, resolve))
  }
  const options = (signal: AbortSignal) => ({ prompter: silentPrompter, onNotice: () => undefined, signal })

  it("is not waited for by whoever interrupts in the moment of reaching its holder", async () => {
    await hold(() => undefined)
    const abort = new AbortController()
    const attached = rejection(attachToHolder(path, false, options(abort.signal)))
    abort.abort()
    expect(await attached).to.have.property("code", "INTERRUPTED")
  })

  it("runs nothing for whoever interrupts in that moment", async () => {
    await hold((op, socket) => {
      if (op === "attach") writeFrame(socket, "connected", { label: "x", address: "u@x:22", since: 0, pid: 1 })
    })
    const transport = await attachToHolder(path, false, options(new AbortController().signal))
    const abort = new AbortController()
    const running = rejection(transport?.exec("true", { signal: abort.signal }) ?? Promise.resolve())
    abort.abort()
    expect(await running).to.have.property("code", "INTERRUPTED")
    await transport?.close()
  })
})
