import { expect } from "chai"
import {
  forgetHost,
  recallHost,
  rememberHost,
  withAgent,
} from "../../../packages/controller/src/deploy/remembered-host.ts"
import { privateEnvironment } from "../../helpers/private-environment.ts"
import { unwritableCache } from "../../helpers/unwritable-cache.ts"

describe("a remembered host", () => {
  const host = { address: "me@host:22", execPath: "/usr/bin/node" }
  let environment: Awaited<ReturnType<typeof privateEnvironment>>
  afterEach(() => environment.restore())

  it("is known by its address and --node, until it is forgotten", async () => {
    environment = await privateEnvironment()
    rememberHost("auto", host)
    expect(recallHost(host.address, "auto")).to.include(host)
    expect(recallHost(host.address, "bundled")).to.equal(undefined)
    forgetHost(host.address, "auto")
    expect(recallHost(host.address, "auto")).to.equal(undefined)
  })

  it("is known with the agents of a few versions, which are used in turns", async () => {
    environment = await privateEnvironment()
    expect(withAgent(undefined, "a")).to.deep.equal(["a"])
    expect(withAgent({ ...host, agents: ["a", "b"] }, "b"), "nothing to be written").to.deep.equal(["a", "b"])
    expect(withAgent({ ...host, agents: ["d", "c", "b", "a"] }, "e")).to.deep.equal(["e", "d", "c", "b"])
  })

  it("is neither remembered nor forgotten, and costs no command, where the cache can't be written", async () => {
    environment = await unwritableCache()
    expect(() => rememberHost("auto", host)).not.to.throw()
    expect(recallHost(host.address, "auto")).to.equal(undefined)
    expect(() => forgetHost(host.address, "auto")).not.to.throw()
  })
})
