import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "chai"
import { jobFiles } from "../../../packages/agent/src/jobs/job-folder.ts"
import { announceArchives, inOrder, wantedArchives } from "../../../packages/agent/src/slurm/job-sharing.ts"
import { tryLock, type Lock } from "../../../packages/agent/src/store/lock.ts"
import { failure, temporaryFolder } from "../../fixtures/extraction.ts"

describe("which archives a helper may make", () => {
  let folder: ReturnType<typeof temporaryFolder>
  let lock: Lock | undefined
  beforeEach(async () => {
    folder = temporaryFolder()
    lock = await tryLock(jobFiles(folder.path).lease)
  })
  afterEach(async () => {
    await lock?.release()
    folder.remove()
  })
  const within = (milliseconds: number): AbortSignal => AbortSignal.timeout(milliseconds)

  it("is what the job has said, while it works", async () => {
    await announceArchives(folder.path, ["a", "b"])
    expect(await wantedArchives(folder.path, within(5000))).to.deep.equal(["a", "b"])
    await lock?.release()
    expect(await wantedArchives(folder.path, within(100))).to.equal(undefined)
  })

  it("is nothing yet where its file makes no sense, until the job writes another", async () => {
    for (const text of ['["a', '{"a":1}', "null", "[1]"]) {
      writeFileSync(join(folder.path, "archives.json"), text)
      expect(await wantedArchives(folder.path, within(50))).to.equal(undefined)
    }
    await announceArchives(folder.path, ["a"])
    expect(await wantedArchives(folder.path, within(5000))).to.deep.equal(["a"])
  })

  it("is told with the file's name where it can't be written", async () => {
    const job = join(folder.path, "archives.json")
    writeFileSync(job, "no folder")
    const error = await failure(announceArchives(job, ["a"]))
    expect(error.message).to.match(/^Cannot write ".*archives\.json\/archives\.json": /)
  })
})

describe("the progress of a job and its helpers", () => {
  it("ends for each resource once that is at its place, however late a helper is heard", () => {
    const told: string[] = []
    const { own, theirs } = inOrder((event) => told.push(`${event.phase} ${"resource" in event ? event.resource : ""}`))
    const extract = (resource: string) => ({ phase: "extract", dataset: "d", resource, bytes: 1, files: 1 }) as const
    theirs(extract("a"))
    own({ phase: "resource", dataset: "d", resource: "a", how: "made" })
    theirs(extract("a"))
    theirs(extract("b"))
    theirs({ phase: "notice", level: "info", message: "" })
    expect(told).to.deep.equal(["extract a", "resource a", "extract b", "notice "])
  })
})
