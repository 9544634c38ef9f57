import { readdirSync, readFileSync, rmSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { expect } from "chai"
import { claimDataset, pruneClaims } from "../../../packages/agent/src/slurm/dataset-claim.ts"
import { tryLock } from "../../../packages/agent/src/store/lock.ts"
import { temporaryFolder } from "../../fixtures/extraction.ts"

describe("the claims of datasets", () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => (folder = temporaryFolder()))
  afterEach(() => folder.remove())
  const { signal } = new AbortController()
  const claim = async (id: string, job: string, force = false): Promise<string | undefined> =>
    await claimDataset({
      jobs: folder.path,
      dataset: { id, repository: "test" },
      job,
      force,
      signal,
      record: () => mkdir(join(folder.path, job), { recursive: true }),
    })
  const names = (): string[] => readdirSync(join(folder.path, ".claims"))

  it("send others to the job that is under way, and never that job to itself", async () => {
    await claim("org.example.one", "aaaa")
    const lease = await tryLock(join(folder.path, "aaaa", "lease"))
    expect(await claim("org.example.one", "aaaa")).to.equal(undefined)
    expect(await claim("org.example.one", "bbbb")).to.equal("aaaa")
    expect(await claim("org.example.one", "bbbb", true)).to.equal(undefined)
    expect(await claim("org.example.one", "aaaa")).to.equal(undefined)
    await lease?.release()
    expect(await claim("org.example.one", "bbbb")).to.equal(undefined)
  })

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
