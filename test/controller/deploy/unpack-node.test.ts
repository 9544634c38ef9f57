import { expect } from "chai"
import { randomBytes } from "node:crypto"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { gunzipSync, gzipSync } from "node:zlib"
import { unpackNode } from "../../../packages/controller/src/deploy/unpack-node.ts"
import { tarArchive } from "../../fixtures/tar-archive.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("unpackNode", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  beforeEach(async () => (folder = await temporaryFolder("datamaestro-node-")))
  afterEach(() => folder.remove())
  const unpack = (): Promise<void> => unpackNode(join(folder.path, "node.tgz"), join(folder.path, "node.gz"))

  it("takes the program, whatever stands before and after it", async () => {
    const node = randomBytes(300_000)
    const members = [
      { name: "package/README.md", content: "read" },
      { name: "package/bin/node", content: node },
      { name: "package/share/large", content: randomBytes(3_000_000) },
    ]
    await writeFile(join(folder.path, "node.tgz"), gzipSync(tarArchive(members)))
    await unpack()
    expect(gunzipSync(await readFile(join(folder.path, "node.gz")))).to.deep.equal(node)
  })

  it("fails where the archive can't be read", async () => {
    await mkdir(join(folder.path, "node.tgz"))
    expect(await unpack().catch((error: unknown) => error)).to.have.property("code", "EISDIR")
  })

  it("says so where there is no program in it", async () => {
    await writeFile(
      join(folder.path, "node.tgz"),
      gzipSync(tarArchive([{ name: "package/README.md", content: "read" }])),
    )
    expect(await unpack().catch((error: unknown) => error))
      .to.have.property("message")
      .that.contains('has no "package/bin/node"')
  })
})
