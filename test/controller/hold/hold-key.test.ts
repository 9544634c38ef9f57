import { expect } from "chai"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { holdKey } from "../../../packages/controller/src/hold/hold-key.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

const CONFIGURATION = `Host first
  HostName first.example
  Port 2201
  User one
  IdentityFile /keys/one
  HostKeyAlias alias-one
Host second
  HostName second.example
  User two
Host third
  HostName third.example
  ProxyJump second
Host cluster
  HostName cluster.example
  ProxyJump first,second
Host nested
  HostName cluster.example
  ProxyJump third
Host circle
  ProxyJump circle
`

describe("what tells held connections apart", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  before(async () => (folder = await temporaryFolder()))
  after(() => folder.remove())

  const keyOf = async (destination: string, configuration = CONFIGURATION): Promise<string> => {
    const configFile = join(folder.path, "config")
    await writeFile(configFile, configuration)
    return holdKey({ destination, configFile, identityFiles: [], options: [] }, [])
  }

  for (const [what, from, to] of [
    ["host name", "first.example", "other.example"],
    ["port", "2201", "2202"],
    ["user", "User one", "User other"],
    ["key", "/keys/one", "/keys/other"],
    ["host key alias", "alias-one", "alias-other"],
  ] as const) {
    it(`the ${what} of each host on the way, the first of several too`, async () => {
      expect(await keyOf("cluster", CONFIGURATION.replace(from, to))).not.to.equal(await keyOf("cluster"))
      expect(await keyOf("third", CONFIGURATION.replace(from, to))).to.equal(await keyOf("third"))
    })
  }

  it("hosts that those on the way go through by their own configuration", async () => {
    const changed = CONFIGURATION.replace("User two", "User other")
    expect(await keyOf("nested", changed)).not.to.equal(await keyOf("nested"))
  })

  it("not what a host on the way would go through by itself, where others are named for it", async () => {
    const changed = CONFIGURATION.replace("User two", "User two\n  ProxyJump third")
    expect(await keyOf("cluster", changed)).to.equal(await keyOf("cluster"))
  })

  it("hosts that jump through one another, without end", async () => {
    expect(await keyOf("circle")).to.equal(await keyOf("circle"))
  })
})
