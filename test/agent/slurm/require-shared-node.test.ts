import { expect } from "chai"
import { requireSharedNode } from "../../../packages/agent/src/slurm/require-shared-node.ts"

describe("requireSharedNode", () => {
  const hash = "0".repeat(64)

  it("refuses a Node that was brought into a temporary folder of the login node", () => {
    for (const folder of ["/tmp", "/var/tmp", "/dev/shm", "/run/user/1000", "/scratch/local"]) {
      const node = `${folder}/datamaestro-1000/node/${hash}/node`
      expect(() => requireSharedNode(node))
        .to.throw(`it is kept at "${node}"`)
        .with.property("exitStatus", 8)
    }
  })

  it("takes one in the home, and any other", () => {
    for (const node of [`/home/me/.cache/datamaestro/node/${hash}/node`, "/usr/bin/node", "/tmp/v22/bin/node"]) {
      requireSharedNode(node)
    }
  })
})
