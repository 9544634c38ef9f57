import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { chmod, mkdir, readFile, readdir, readlink, stat, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { until, type RunningCommand } from "../helpers/job-lab.ts"
import { writeRepositoryPackage } from "../helpers/repository-package.ts"
import { startRemoteJobLab, type RemoteJobLab } from "../helpers/remote-job-lab.ts"
import { skipWithoutSshd } from "../helpers/sshd.ts"

/** Of the content of datasets, whole or in part. */
async function bytesBelow(data: string): Promise<number> {
  const entries = await readdir(join(data, "data"), { withFileTypes: true, recursive: true }).catch(() => [])
  const sizes = entries.map(async (entry) =>
    /\.txt/.test(entry.name) ? ((await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0) : 0,
  )
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

describe("copying prepared data between machines", function () {
  this.timeout(60_000)
  let lab: RemoteJobLab
  let there: string
  before(function () {
    skipWithoutSshd(this)
  })
  beforeEach(async () => {
    lab = await startRemoteJobLab({ hosts: { east: "direct", west: "proxied" } })
    there = join(lab.folder, "there")
  })
  afterEach(() => lab.close())

  const copy = (...args: string[]): RunningCommand => lab.start("-F", lab.configFile, "copy", ...args)
  const done = async (command: RunningCommand): Promise<string> => {
    expect(await command.ended, command.stderr).to.equal(0)
    return command.stdout
  }

  it("brings every file, with what is recorded of it, and nothing twice", async () => {
    const id = lab.dataset(0.2)
    const here = await done(lab.start("prepare", id))
    const asked = lab.origin.requests.length
    const first = copy(id, "--to", "west", "--data", there)
    const value = await done(first)
    expect(value).to.equal(here.replaceAll(lab.data, there))
    expect(await lab.isRight(value)).to.equal(true)
    expect(first.stderr).to.match(/part0: copied/)
    const manifest = async (data: string): Promise<unknown> => {
      const text = await readFile(join(data, "data/lab", ...id.split("."), ".manifest.json"), "utf8")
      return JSON.parse(text.replace(/"time":"[^"]*"/g, '"time":""'))
    }
    expect(await manifest(there)).to.deep.equal(await manifest(lab.data))
    const again = copy(id, "--to", "west", "--data", there)
    expect(await done(again)).to.equal(value)
    expect(again.stderr).to.contain("already prepared").and.not.contain("copying")
    expect(await done(lab.start("--data", there, "verify", id))).to.match(/\tsound\t3\n$/)
    expect(lab.origin.requests).to.have.length(asked)
    expect(existsSync(join(there, "cache"))).to.equal(false)
  })

  it("goes from one host to another, and on after the connection was lost", async () => {
    const id = lab.dataset(0.2)
    await done(lab.start("prepare", id))
    await done(lab.start("-F", lab.configFile, "--host", "west", "--data", there, "version"))
    await done(lab.start("-F", lab.configFile, "--host", "west", "--data", there, "repositories"))
    // The line is held, so that it is known what had come when it was lost: less than a file, which nothing moves.
    lab.proxy.holdAfter(500_000)
    const command = copy(id, "--from", "east", "--from-data", lab.data, "--to", "west", "--data", there)
    let arrived = 0
    await until(async () => (arrived = await bytesBelow(there)) > 300_000)
    lab.proxy.cut()
    const before = lab.proxy.bytes.fromClient
    lab.proxy.release()
    expect(await lab.isRight(await done(command))).to.equal(true)
    expect(command.stderr).to.contain('Connected to "west" again')
    // What had come was not sent again. The rest of it goes with the frames around it and what connecting takes.
    expect(lab.proxy.bytes.fromClient - before).to.be.lessThan(1_800_000 - arrived + 150_000)
  })

  it("brings what a dataset refers to, links and modes as well", async () => {
    const tree = join(lab.folder, "tree")
    await mkdir(join(tree, "top", "empty"), { recursive: true })
    await writeFile(join(tree, "top", "run.sh"), "#!/bin/sh\n")
    await chmod(join(tree, "top", "run.sh"), 0o755)
    await writeFile(join(tree, "top", "b.txt"), "b")
    await symlink("b.txt", join(tree, "top", "link"))
    for (let each = 0; each < 60; each++) await writeFile(join(tree, "top", `${each}.txt`), `${each}`)
    lab.origin.route("/tree.tar", { body: execFileSync("tar", ["-C", tree, "-c", "top"]) })
    const plugin = await writeRepositoryPackage(lab.folder, {
      id: "trees",
      files: {
        "lib/index.js": `
          import { Repository, defineDataset, folder, reference, tar } from "@datamaestro/dataset"
          const tree = defineDataset({ id: "org.tree", resources: { data: tar("${lab.origin.url}/tree.tar") },
            describe: ({ data }) => ({ all: folder(data) }) })
          const user = defineDataset({ id: "org.user", resources: { tree: reference(tree) },
            describe: ({ tree }) => ({ all: tree.value.all }) })
          export class MyRepository extends Repository {
            static NAMESPACE = "trees"
            static DESCRIPTION = "Trees"
            static datasets = { "org.tree": () => tree, "org.user": () => user }
          }`,
      },
    })
    lab.env["DATAMAESTRO_REPOSITORY_PATH"] = plugin
    await done(lab.start("prepare", "org.user"))
    const command = copy("org.user", "--to", "east", "--data", there)
    await done(command)
    expect(command.stderr).not.to.contain("Warning")
    const folder = join(there, "data/trees/org/tree")
    expect(await readlink(join(folder, "link"))).to.equal("b.txt")
    const { mode } = await stat(join(folder, "run.sh"))
    expect(mode & 0o111).to.equal((mode & 0o444) >> 2)
    expect(await readdir(join(folder, "empty"))).to.deep.equal([])
  })

  it("prints the variant that was asked for, also where an axis is no part of the id", async () => {
    lab.origin.route("/words.txt", { body: "words" })
    const plugin = await writeRepositoryPackage(lab.folder, {
      id: "read",
      files: {
        "lib/index.js": `
          import { Repository, axis, defineDataset, file, typed } from "@datamaestro/dataset"
          const words = defineDataset({ id: "org.words",
            axes: { dim: axis([1, 2]), as: axis("string", { default: "text", inId: false }) },
            resources: { words: file("${lab.origin.url}/words.txt") },
            describe: ({ words }, { dim, as }) => typed("Words", { path: words, dim, as }) })
          export class MyRepository extends Repository {
            static NAMESPACE = "read"
            static DESCRIPTION = "Ways to read"
            static datasets = { "org.words": () => words }
          }`,
      },
    })
    lab.env["DATAMAESTRO_REPOSITORY_PATH"] = plugin
    const id = 'words[dim=2,as="no,text"]'
    const here = await done(lab.start("prepare", id))
    expect(JSON.parse(here)).to.include({ dim: 2, as: "no,text", id: "org.words[dim=2]" })
    expect(await done(copy(id, "--to", "east", "--data", there))).to.equal(here.replaceAll(lab.data, there))
  })

  it("brings files whose names are as long as can be, and no transient one that is spent", async () => {
    const name = `${"x".repeat(251)}.txt`
    lab.origin.route("/raw.txt", { body: "raw" })
    const plugin = await writeRepositoryPackage(lab.folder, {
      id: "spent",
      files: {
        "lib/index.js": `
          import { Repository, defineDataset, file, step, textFile } from "@datamaestro/dataset"
          const spent = defineDataset({ id: "org.spent",
            resources: {
              raw: file("${lab.origin.url}/raw.txt", { transient: true }),
              made: step({ from: ["raw"], name: "${name}", async run({ input, output }) {
                const { copyFile } = await import("node:fs/promises")
                await copyFile(input.raw, output)
              } }),
            },
            describe: ({ made }) => ({ made: textFile(made) }) })
          export class MyRepository extends Repository {
            static NAMESPACE = "spent"
            static DESCRIPTION = "Spent"
            static datasets = { "org.spent": () => spent }
          }`,
      },
    })
    lab.env["DATAMAESTRO_REPOSITORY_PATH"] = plugin
    await done(lab.start("prepare", "org.spent"))
    await done(copy("org.spent", "--to", "east", "--data", there))
    expect(await readFile(join(there, "data/spent/org/spent", name), "utf8")).to.equal("raw")
    expect(existsSync(join(there, "data/spent/org/spent/raw.txt"))).to.equal(false)
    expect(await done(lab.start("--data", there, "verify", "org.spent"))).to.equal("org.spent\tsound\t1\n")
  })

  it("refuses what was changed since, and places none of it", async () => {
    const id = lab.dataset(0.2)
    const { files } = JSON.parse(await done(lab.start("prepare", id))) as { files: { path: string }[] }
    const path = files[0]?.path ?? ""
    const content = await readFile(path, "utf8")
    await writeFile(path, content.toUpperCase())
    const command = copy(id, "--to", "west", "--data", there)
    expect(await command.ended).to.equal(5)
    expect(command.stderr).to.match(/Cannot copy "0\.txt".*SHA-256/)
    expect(existsSync(path.replace(lab.data, there))).to.equal(false)
    await writeFile(path, content)
    expect(await lab.isRight(await done(copy(id, "--to", "west", "--data", there)))).to.equal(true)
  })

  it("tells that it is not prepared where it is to come from", async () => {
    const command = copy(lab.dataset(0.2), "--from", "east", "--data", there)
    expect(await command.ended).to.equal(7)
    expect(command.stderr).to.match(/error: Cannot copy .*: it is not prepared where it is to come from\n {2}on: east/)
    expect(command.stderr).to.contain("`datamaestro --host east prepare ")
    expect(lab.origin.requests).to.have.length(0)
  })

  it("needs two places", async () => {
    for (const args of [[], ["--to", "local"], ["--from", "east", "--to", "east"], ["--host", "east"]]) {
      expect(await copy("x", ...args).ended, args.join(" ")).to.equal(2)
    }
  })
})
