import { expect } from "chai"
import { spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { announce, announcedKeys, removeAbandoned } from "../../../packages/controller/src/hold/holder-address.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("the names of held connections", () => {
  it("are links of ours, not what else has such a name", async () => {
    const { path, remove } = await temporaryFolder()
    try {
      announce(path, "0123456789abcdef", join(path, "s.sock"))
      mkdirSync(join(path, "fedcba9876543210"))
      expect(announcedKeys(path)).to.deep.equal(["0123456789abcdef"])
    } finally {
      await remove()
    }
  })

  it("outlive no holder that was killed, whose socket is removed", async () => {
    const { path, remove } = await temporaryFolder()
    const sockets = [
      "0123456789abcdef.00000001.sock",
      "0123456789abcdef.00000002.sock",
      "0123456789abcdef.00000003.sock",
    ]
    const [killed = "", begins = "", current = ""] = sockets.map((name) => join(path, name))
    const beginning = createServer().listen(begins)
    const listenAndDie = `require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`
    try {
      await once(beginning, "listening")
      spawnSync(process.execPath, ["-e", listenAndDie, killed])
      writeFileSync(current, "")
      announce(path, "0123456789abcdef", current)
      expect(existsSync(killed)).to.equal(true)
      await removeAbandoned(path)
      expect([killed, begins, current].map((socket) => existsSync(socket))).to.deep.equal([false, true, true])
    } finally {
      beginning.close()
      await remove()
    }
  })
})
