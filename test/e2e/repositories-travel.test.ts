import { expect } from "chai"
import { readFile, readdir, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { privateEnvironment } from "../helpers/private-environment.ts"
import { rejection } from "../helpers/rejection.ts"
import { writeRepositoryPackage } from "../helpers/repository-package.ts"
import { startSshServer, type SshServer } from "../helpers/ssh-server.ts"
import { openLocalSession, openSshSession, uploadsIn, type RecordedSession } from "../helpers/ssh-session.ts"

describe("repositories on their way to the data machine", () => {
  let environment: Awaited<ReturnType<typeof privateEnvironment>>
  let server: SshServer
  let folder: string
  let session: RecordedSession | undefined

  beforeEach(async () => {
    environment = await privateEnvironment()
    server = await startSshServer()
    folder = await writeRepositoryPackage(environment.path, { id: "wise" })
    process.env["DATAMAESTRO_REPOSITORY_PATH"] = folder
  })

  afterEach(async () => {
    delete process.env["DATAMAESTRO_REPOSITORY_PATH"]
    await session?.close()
    session = undefined
    await server.close()
    await environment.restore()
  })

  it("carries a plug-in with the npm package it depends on, once", async () => {
    session = await openSshSession(server)
    await session.declareRepositories()
    expect(uploadsIn(session.events)).to.include("repository-wise")
    const info = await session.agent.request("datasets/info", { id: "org.example.wise" })
    expect(info).to.include({ repository: "wise", description: "measure twice", state: "none" })
    const { repositories } = await session.agent.request("repositories/list", {})
    expect(repositories.find(({ id }) => id === "wise")).to.include({ datasets: 1, version: "1.2.3" })
    await session.close()
    session = await openSshSession(server)
    await session.declareRepositories()
    expect(uploadsIn(session.events)).to.deep.equal([])
    const { value } = await session.agent.request("datasets/value", { id: "wise", encoder: "normal" })
    expect(value).to.have.nested.property(
      "text.path",
      join(session.initialized.paths.datasets, "wise/org/example/wise/thing.txt"),
    )
  })

  it("carries it again once it has changed", async () => {
    session = await openSshSession(server)
    await session.declareRepositories()
    await session.close()
    await writeFile(join(folder, "node_modules/wise-words/saying.cjs"), `module.exports = "cut once"`)
    session = await openSshSession(server)
    await session.declareRepositories()
    expect(uploadsIn(session.events)).to.deep.equal(["repository-wise"])
    const info = await session.agent.request("datasets/info", { id: "org.example.wise" })
    expect(info.description).to.equal("cut once")
  })

  it("carries it again once a file has gone from it on the data machine", async () => {
    await writeFile(join(folder, "lib/base.js"), `export { Repository } from "@datamaestro/dataset"`)
    const index = await readFile(join(folder, "lib/index.js"), "utf8")
    await writeFile(join(folder, "lib/index.js"), index.replace("@datamaestro/dataset", "./base.js"))
    const packs = join(server.home, ".cache/datamaestro/packs")
    const lostOnes = ["lib/thing.js", "lib/base.js", "wise-words/saying.cjs", "wise-words/package.json"]
    for (const lost of lostOnes) {
      session = await openSshSession(server)
      await session.declareRepositories()
      await session.close()
      const copies = (await readdir(packs, { recursive: true })).filter((path) => path.endsWith(lost))
      expect(copies).to.have.length(1)
      await rm(join(packs, copies[0] ?? ""))
      session = await openSshSession(server)
      await session.declareRepositories()
      expect(uploadsIn(session.events)).to.deep.equal([])
      const error = await rejection(session.agent.request("datasets/info", { id: "org.example.wise@wise" }))
      expect(error).to.have.property("code", "DEPLOY_FAILED")
      expect(error).to.have.property("message").that.contains(lost).and.contains("run the same command again")
      await session.close()
      session = await openSshSession(server)
      await session.declareRepositories()
      expect(uploadsIn(session.events)).to.deep.equal(["repository-wise"])
      const info = await session.agent.request("datasets/info", { id: "org.example.wise@wise" })
      expect(info.description).to.equal("measure twice")
      await session.close()
    }
  })

  it("leaves nothing half on the data machine when the connection is cut in the upload", async () => {
    await writeFile(join(folder, "large.bin"), Buffer.from(Array.from({ length: 400_000 }, () => Math.random() * 256)))
    session = await openSshSession(server)
    server.dropAfter(300_000)
    await session.declareRepositories().then(
      () => expect.fail("the cut was not noticed"),
      (error: unknown) => expect(error).to.have.property("exitStatus", 8),
    )
    await session.close()
    session = await openSshSession(server)
    await session.declareRepositories()
    expect(await session.agent.request("datasets/search", { terms: ["repo:wise"] }))
      .to.have.property("hits")
      .of.length(1)
    const packs = join(server.home, ".cache/datamaestro/packs")
    expect((await readdir(packs)).filter((name) => name.includes(".tmp"))).to.deep.equal([])
  })

  it("gives the same answers on this machine, where nothing travels", async () => {
    session = await openLocalSession()
    await session.declareRepositories()
    expect(session.uploads).to.deep.equal([])
    const info = await session.agent.request("datasets/info", { id: "org.example.wise" })
    expect(info).to.include({ repository: "wise", description: "measure twice", state: "none" })
  })
})
