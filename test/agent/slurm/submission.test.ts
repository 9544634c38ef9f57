import { expect } from "chai"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { readSubmission, writeSubmission, type Submission } from "../../../packages/agent/src/slurm/submission.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("what is known of a job in Slurm", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  beforeEach(async () => (folder = await temporaryFolder()))
  afterEach(() => folder.remove())

  const submission: Submission = {
    version: 1,
    slurm: "48213_2",
    submitted: "2026-01-01T00:00:00Z",
    host: "login",
    dataset: "org.example.thing",
    repository: "example",
  }

  it("is read as it was written", async () => {
    expect(await readSubmission(folder.path)).to.equal(undefined)
    await writeSubmission(folder.path, submission)
    expect(await readSubmission(folder.path)).to.deep.equal(submission)
  })

  it("is nothing where its file makes no sense", async () => {
    for (const document of ["{", "[]", JSON.stringify({ ...submission, slurm: 48213 })]) {
      await writeFile(join(folder.path, "slurm.json"), document)
      expect(await readSubmission(folder.path), document).to.equal(undefined)
    }
  })
})
