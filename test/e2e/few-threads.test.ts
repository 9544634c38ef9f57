import { expect } from "chai"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { tarGzArchive } from "../fixtures/tar-archive.ts"
import { datamaestro, type CommandRun } from "../helpers/command-line.ts"
import { startOrigin } from "../helpers/origin.ts"
import { writeRepositoryPackage } from "../helpers/repository-package.ts"
import { temporaryFolder } from "../helpers/ssh-client-files.ts"
import { createTestUser, skipWithoutTestUsers } from "../helpers/sshd.ts"
import { testServers } from "../helpers/test-servers.ts"

describe("an account that may start few threads", function () {
  // Node hangs where it gets some of those that it starts with, and is waited for.
  this.timeout(300_000)
  before(function () {
    skipWithoutTestUsers(this)
  })
  const { cleanups, serveBySshd } = testServers()

  it("is told as that wherever they come to an end, and as no defect", async () => {
    const user = await createTestUser()
    cleanups.push(() => user.remove())
    const home = await temporaryFolder()
    cleanups.push(() => home.remove())
    const origin = await startOrigin({ "/a.tar.gz": { body: tarGzArchive([{ name: "top/a", content: "a" }]) } })
    cleanups.push(() => origin.close())
    const { configFile } = await serveBySshd({ user: user.name })
    const repository = await writeRepositoryPackage(home.path, {
      id: "few",
      files: {
        "lib/index.js": `import { Repository, defineDataset, folder, tar } from "@datamaestro/dataset"
        export class MyRepository extends Repository {
          static NAMESPACE = "few"
          static DESCRIPTION = "An archive"
          static datasets = { "org.example.few": () => defineDataset({
            id: "org.example.few",
            resources: { content: tar("${origin.url}/a.tar.gz") },
            describe: ({ content }) => folder(content),
          }) }
        }`,
      },
    })
    const run = (...args: string[]): Promise<CommandRun> =>
      datamaestro(["-F", configFile, "--host", "cluster", ...args], {
        env: { HOME: home.path, XDG_CACHE_HOME: "", XDG_CONFIG_HOME: "", DATAMAESTRO_REPOSITORY_PATH: repository },
      })
    expect((await run("search", "few")).status).to.equal(0)
    let failed = 0
    for (const limit of [24, 26, 28, 30, 34, 38]) {
      await writeFile(join(user.home, ".bashrc"), `ulimit -u ${limit}\n`)
      const { status, stderr } = await run("prepare", "--force", "org.example.few")
      if (status === 0) continue
      failed++
      expect(status, stderr).to.be.oneOf([6, 8, 9])
      expect(stderr).to.contain("ulimit -u")
    }
    expect(failed).to.be.greaterThan(0)
  })
})
