import { expect } from "chai"
import { PassThrough } from "node:stream"
import { StdioPort } from "../../../packages/agent/src/process/stdio-port.ts"

describe("the agent's end of the channel", () => {
  it("still reads what was said before nobody took its output any more", async () => {
    const [input, output] = [new PassThrough(), new PassThrough()]
    const port = new StdioPort(input, output, (text) => output.write(text))
    const heard: string[] = []
    port.onLine((line) => heard.push(line))
    const closed = new Promise<Error | undefined>((resolve) => port.onClose(resolve))
    output.emit("error", new Error("EPIPE"))
    input.end("cancel\n")
    expect(await closed).to.equal(undefined)
    expect(heard).to.deep.equal(["cancel"])
  })

  it("takes no more of its input once it is closed", () => {
    const [input, output] = [new PassThrough(), new PassThrough()]
    const port = new StdioPort(input, output, (text) => output.write(text))
    expect(input.isPaused()).to.equal(false)
    port.close()
    expect(input.isPaused()).to.equal(true)
  })

  it("ends where the input stays, though nobody takes its output any more", async () => {
    const [input, output] = [new PassThrough(), new PassThrough()]
    const port = new StdioPort(input, output, (text) => output.write(text))
    const closed = new Promise<Error | undefined>((resolve) => port.onClose(resolve))
    output.emit("error", new Error("EPIPE"))
    // Alive for as long as the timer is waited for, which keeps nothing so.
    const alive = setInterval(() => {}, 1000)
    expect(await closed).to.have.property("message", "EPIPE")
    clearInterval(alive)
  })
})
