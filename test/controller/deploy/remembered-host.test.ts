import { expect } from "chai"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { forgetHost, rememberHost } from "../../../packages/controller/src/deploy/remembered-host.ts"
import { privateEnvironment } from "../../helpers/private-environment.ts"

describe("a remembered host", () => {
  let environment: Awaited<ReturnType<typeof privateEnvironment>>
  beforeEach(async () => {
    environment = await privateEnvironment()
    const file = join(environment.path, "file")
    await writeFile(file, "")
    process.env["XDG_CACHE_HOME"] = file
  })
  afterEach(() => environment.restore())

  it("is remembered where the cache can be written, and nowhere else", () => {
    expect(() => rememberHost("auto", { address: "me@host:22", execPath: "/usr/bin/node" })).not.to.throw()
  })

  it("is forgotten as far as a cache that can't be written allows", () => {
    expect(() => forgetHost("me@host:22", "auto")).not.to.throw()
  })
})
