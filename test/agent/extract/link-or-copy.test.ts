import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs"
import { join } from "node:path"
import { expect } from "chai"
import { linkOrCopy } from "../../../packages/agent/src/extract/link-or-copy.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"
import { writeFiles } from "../../fixtures/preparation.ts"

/** Another file system than that of temporary folders, so that there are no links between both. */
const ELSEWHERE = "/dev/shm"

describe("a hard link that the file system does not take", () => {
  it("is a copy with the time of what it should lead to", function () {
    const folder = temporaryFolder()
    if (!existsSync(ELSEWHERE) || statSync(ELSEWHERE).dev === statSync(folder.path).dev) {
      folder.remove()
      return this.skip()
    }
    const elsewhere = mkdtempSync(join(ELSEWHERE, "datamaestro-test-"))
    try {
      writeFiles(folder.path, { a: "content" })
      utimesSync(join(folder.path, "a"), 1_000_000_000, 1_000_000_000)
      linkOrCopy(join(folder.path, "a"), join(elsewhere, "b"))
      expect(readFileSync(join(elsewhere, "b"), "utf8")).to.equal("content")
      expect(statSync(join(elsewhere, "b")).mtimeMs).to.equal(1_000_000_000_000)
    } finally {
      rmSync(elsewhere, { recursive: true })
      folder.remove()
    }
  })
})
