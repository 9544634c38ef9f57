import { expect } from "chai"
import { createHash } from "node:crypto"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { brotliCompressSync } from "node:zlib"
import { RestPart } from "../../packages/agent/src/rest-part.ts"
import { temporaryFolder } from "../helpers/ssh-client-files.ts"

describe("the second part of the agent", () => {
  const source = Buffer.from("its code")
  let home: Awaited<ReturnType<typeof temporaryFolder>>
  beforeEach(async () => (home = await temporaryFolder()))
  afterEach(() => home.remove())

  /** Has it come into a folder; gives what is told of keeping it. */
  const received = async (folder: string): Promise<string[]> => {
    const told: string[] = []
    const hash = createHash("sha256").update(source).digest("hex")
    const part = new RestPart({
      hash,
      folder,
      ask: () => {},
      onUnkept: (reason) => told.push(reason),
      compile: (code) => ({ code }),
    })
    const compressed = brotliCompressSync(source)
    part.announce({ bytes: compressed.length })
    part.receive(compressed)
    expect(await part.load()).to.deep.equal({ code: source })
    return told
  }

  it("is kept beside the first", async () => {
    expect(await received(home.path)).to.deep.equal([])
    expect(await readFile(join(home.path, "agent-rest.cjs"))).to.deep.equal(source)
  })

  it("says nothing where the first is gone too, since the next call brings both", async () => {
    expect(await received(join(home.path, "purged"))).to.deep.equal([])
  })

  it("says why it can't be kept", async () => {
    const file = join(home.path, "file")
    await writeFile(file, "")
    expect((await received(file)).join()).to.match(/not a directory/)
  })
})
