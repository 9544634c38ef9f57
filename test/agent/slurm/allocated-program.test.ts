import { expect } from "chai"
import { homedir } from "node:os"
import { join } from "node:path"
import { allocatedProgram } from "../../../packages/agent/src/slurm/allocated-program.ts"

describe("allocatedProgram", () => {
  const hash = "0".repeat(64)
  const home = join(homedir(), ".cache/datamaestro")
  const session = { agentFile: join(home, "agents/x/agent.cjs"), packs: join(home, "packs"), remote: true }

  it("is this agent and its Node, with the folder of what was uploaded", () => {
    const { execPath: node } = process
    expect(allocatedProgram(session)).to.deep.equal({ node, agent: session.agentFile, cacheFolder: home })
  })

  it("refuses an agent that other machines don't see", () => {
    expect(() => allocatedProgram({ ...session, agentFile: undefined }))
      .to.throw('it is kept in "memory"')
      .with.property("exitStatus", 8)
    for (const folder of ["/tmp", "/var/tmp", "/dev/shm"]) {
      const uploaded = { ...session, packs: `${folder}/datamaestro-1000/packs` }
      expect(() => allocatedProgram(uploaded)).to.throw(`it is kept in "${folder}/datamaestro-1000"`)
      // On this machine's own Slurm nothing is uploaded.
      expect(allocatedProgram({ ...uploaded, remote: false }).agent).to.equal(session.agentFile)
    }
  })

  it("refuses a Node that was brought into a temporary folder of the login node", () => {
    for (const folder of ["/tmp", "/var/tmp", "/dev/shm", "/run/user/1000", "/scratch/local"]) {
      const node = `${folder}/datamaestro-1000/node/${hash}/node`
      expect(() => allocatedProgram(session, node))
        .to.throw(`it is kept at "${node}"`)
        .with.property("exitStatus", 8)
    }
  })

  it("takes a Node in the home, and any other", () => {
    for (const node of [`${home}/node/${hash}/node`, "/usr/bin/node", "/tmp/v22/bin/node"]) {
      expect(allocatedProgram(session, node).node).to.equal(node)
    }
  })
})
