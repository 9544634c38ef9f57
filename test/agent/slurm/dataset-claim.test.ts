import { readdirSync, readFileSync, rmSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { expect } from "chai"
import { claimDataset, pruneClaims } from "../../../packages/agent/src/slurm/dataset-claim.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"

describe("the claims of datasets", () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => (folder = temporaryFolder()))
  afterEach(() => folder.remove())
  const { signal } = new AbortController()
  const claim = async (id: string, job: string): Promise<string | undefined> =>
    await claimDataset({
      jobs: folder.path,
      dataset: { id, repository: "test" },
      job,
      force: false,
      signal,
      record: () => mkdir(join(folder.path, job), { recursive: true }),
    })
  const names = (): string[] => readdirSync(join(folder.path, ".claims"))

  it("are each for one job, and go with its folder, no sooner", async () => {
    expect(await claim("org.example.one", "aaaa")).to.equal(undefined)
    expect(await claim("org.example.two", "bbbb")).to.equal(undefined)
    expect(readFileSync(join(folder.path, ".claims", names()[0] ?? ""), "utf8")).to.match(/^(aaaa|bbbb)\n$/)
    await pruneClaims(folder.path)
    expect(names()).to.have.length(2)
    rmSync(join(folder.path, "aaaa"), { recursive: true })
    await pruneClaims(folder.path)
    expect(names()).to.have.length(1)
  })
})
