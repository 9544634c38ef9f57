import { expect } from "chai"
import { statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { makeFolder } from "../../../packages/agent/src/store/make-folder.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"

describe("makeFolder", () => {
  let home: ReturnType<typeof temporaryFolder>
  beforeEach(() => (home = temporaryFolder()))
  afterEach(() => home.remove())

  it("makes folders that others make at the same time, with all above them", async () => {
    for (let round = 0; round < 50; round++) {
      const paths = ["x", "y", "z/z", "x"].map((name) => join(home.path, `${round}/a/b/c`, name))
      await Promise.all(paths.map((path) => makeFolder(path)))
      for (const path of paths) expect(statSync(path).isDirectory()).to.equal(true)
    }
  })

  it("fails where a file is in the way, and ends where the system makes no folders", async () => {
    writeFileSync(join(home.path, "file"), "")
    const codeOf = (path: string): Promise<unknown> =>
      makeFolder(path).then(
        () => "made",
        (error: NodeJS.ErrnoException) => error.code,
      )
    expect(await codeOf(join(home.path, "file"))).to.equal("EEXIST")
    expect(await codeOf(join(home.path, "file/below"))).to.equal("ENOTDIR")
    if (process.platform === "linux") expect(await codeOf("/proc/x/y")).to.equal("ENOENT")
  })
})
