import { expect } from "chai"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { tarGzArchive, type TarMember } from "../fixtures/tar-archive.ts"
import { zipArchive } from "../fixtures/zip-archive.ts"
import { datamaestro, type CommandRun } from "../helpers/command-line.ts"
import { compileFaultyStorage } from "../helpers/faulty-storage.ts"
import { startOrigin, type Origin } from "../helpers/origin.ts"
import { writeRepositoryPackage } from "../helpers/repository-package.ts"
import { temporaryFolder } from "../helpers/ssh-client-files.ts"

/** More than are written by one thread. */
const FILES = 300

describe("storage that keeps no times and takes no symbolic links", function () {
  this.timeout(60_000)
  let temporary: Awaited<ReturnType<typeof temporaryFolder>>
  let origin: Origin
  let data: string
  let run: (id: string) => Promise<CommandRun>

  beforeEach(async function () {
    temporary = await temporaryFolder("datamaestro-plain-")
    origin = await startOrigin()
    const faulty = compileFaultyStorage(temporary.path)
    if (faulty === undefined && process.env["CI"] !== undefined) throw new Error("there is no C compiler")
    if (faulty === undefined) return this.skip()
    const files: TarMember[] = Array.from({ length: FILES }, (_, index) => ({
      name: `top/f${index}`,
      content: `${index}`,
    }))
    const link: TarMember = { name: "top/link", type: "2", linkname: "f1" }
    const folder: TarMember = { name: "top/", type: "5", mtime: 1_000_000_000 }
    origin.route("/files.tar.gz", { body: tarGzArchive([folder, ...files]) })
    origin.route("/links.tar.gz", { body: tarGzArchive([folder, ...files, link]) })
    origin.route("/files.zip", { body: zipArchive(files.map(({ name }) => ({ name, content: name }))) })
    const plugin = await writeRepositoryPackage(temporary.path, {
      id: "plain",
      files: {
        "lib/index.js": `
          import { Repository, defineDataset, folder, tar, zip } from "@datamaestro/dataset"
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
      },
    })
    data = join(temporary.path, "data")
    const env = {
      HOME: temporary.path,
      XDG_CONFIG_HOME: join(temporary.path, ".config"),
      XDG_CACHE_HOME: join(temporary.path, ".cache"),
      DATAMAESTRO_DIR: data,
      DATAMAESTRO_REPOSITORY_PATH: plugin,
      ...faulty({ prefix: data, plain: true }),
    }
    run = (id) => datamaestro(["prepare", id], { env })
  })
  afterEach(async () => {
    await origin.close()
    await temporary.remove()
  })

  for (const kind of ["tar", "zip"])
    it(`has the files of a ${kind} archive all the same`, async () => {
      const { status, stderr } = await run(`org.example.${kind}`)
      expect(status, stderr).to.equal(0)
      const last = readFileSync(join(data, `data/plain/org/example/${kind}/f${FILES - 1}`), "utf8")
      expect(last).to.equal(kind === "tar" ? `${FILES - 1}` : `top/f${FILES - 1}`)
    })

  it("is told as what it is where an archive has a symbolic link", async () => {
    const { status, stderr } = await run("org.example.links")
    expect(status, stderr).to.equal(6)
    expect(stderr)
      .to.match(/this file system takes no symbolic links/)
      .and.match(/another file system with --data/)
  })
})
