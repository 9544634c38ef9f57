import { expect } from "chai"
import { readFileSync, readlinkSync, statSync } from "node:fs"
import { join } from "node:path"
import { tarGzArchive, type TarMember } from "../fixtures/tar-archive.ts"
import { zipArchive } from "../fixtures/zip-archive.ts"
import type { CommandRun } from "../helpers/command-line.ts"
import { startStorageLab, type StorageLab } from "../helpers/storage-lab.ts"

/** More than are written by one thread. */
const FILES = 300

describe("storage that keeps no times, takes no links, has no fsync and counts no inodes", function () {
  this.timeout(60_000)
  let lab: StorageLab
  let run: (id: string) => Promise<CommandRun>

  beforeEach(async function () {
    const started = await startStorageLab()
    if (started === undefined) return this.skip()
    lab = started
    const { data, origin } = lab
    const files: TarMember[] = Array.from({ length: FILES }, (_, index) => ({
      name: `top/f${index}`,
      content: `${index}`,
    }))
    const link: TarMember = { name: "top/link", type: "2", linkname: "f1" }
    const second: TarMember = { name: "top/second", type: "1", linkname: "top/f1" }
    const folder: TarMember = { name: "top/", type: "5", mtime: 1_000_000_000 }
    origin.route("/files.tar.gz", { body: tarGzArchive([folder, ...files, second]) })
    origin.route("/links.tar.gz", { body: tarGzArchive([folder, ...files, link]) })
    origin.route("/files.zip", { body: zipArchive(files.map(({ name }) => ({ name, content: name }))) })
    await lab.addRepository(
      "plain",
      `import { Repository, defineDataset, folder, tar, zip } from "@datamaestro/dataset"
      const make = (id, content) => [id, () => defineDataset({ id, resources: { content }, describe: (made) => folder(made.content) })]
      export class MyRepository extends Repository {
        static NAMESPACE = "plain"
        static DESCRIPTION = "Archives"
        static datasets = Object.fromEntries([
          make("org.example.tar", tar("${origin.url}/files.tar.gz")),
          make("org.example.links", tar("${origin.url}/links.tar.gz")),
          make("org.example.zip", zip("${origin.url}/files.zip")),
        ])
      }`,
    )
    run = (id) => lab.prepare(id, { prefix: data, plain: true })
  })
  afterEach(() => lab?.close())

  for (const kind of ["tar", "zip"])
    it(`has the files of a ${kind} archive all the same`, async () => {
      const { status, stderr } = await run(`org.example.${kind}`)
      expect(status, stderr).to.equal(0)
      const last = readFileSync(join(lab.data, `data/plain/org/example/${kind}/f${FILES - 1}`), "utf8")
      expect(last).to.equal(kind === "tar" ? `${FILES - 1}` : `top/f${FILES - 1}`)
    })

  it("has a copy in a hard link's place", async () => {
    const { status, stderr } = await run("org.example.tar")
    expect(status, stderr).to.equal(0)
    const [one, two] = ["f1", "second"].map((name) => join(lab.data, "data/plain/org/example/tar", name))
    expect(readFileSync(two!, "utf8")).to.equal("1")
    expect(statSync(two!).ino).to.not.equal(statSync(one!).ino)
  })

  it("is told as what it is where an archive has a symbolic link", async () => {
    const { status, stderr } = await run("org.example.links")
    expect(status, stderr).to.equal(6)
    expect(stderr)
      .to.match(/this file system takes no symbolic links/)
      .and.match(/another file system with --data/)
  })

  it("has an archive with links also where their times are those of what they lead to, which may be nowhere", async () => {
    const { data, origin } = lab
    const link = (name: string, linkname: string): TarMember => ({ name, type: "2", linkname, mtime: 1_000_000_000 })
    const members = [{ name: "top/f1", content: "1" }, link("top/link", "f1"), link("top/nowhere", "f1/none")]
    origin.route("/links.tar.gz", { body: tarGzArchive([...members, link("top/dangling", "none")]) })
    const fault = { prefix: data, follows: true, after: Number.MAX_SAFE_INTEGER }
    const { status, stderr } = await lab.prepare("org.example.links", fault)
    expect(status, stderr).to.equal(0)
    expect(readlinkSync(join(data, "data/plain/org/example/links/dangling"))).to.equal("none")
  })
})
