import { execFileSync, spawnSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { defineDataset, file, folder, sha256, tar, textFile } from "@datamaestro/dataset"
import { expect } from "chai"
import { createHash } from "node:crypto"
import { prepareDataset } from "../../packages/agent/src/pipeline.ts"
import { failure, temporaryFolder } from "../fixtures/extraction.ts"
import { prepareOptions, resolved } from "../fixtures/preparation.ts"
import { tarGzArchive } from "../fixtures/tar-archive.ts"
import { startOrigin, type Origin } from "../helpers/origin.ts"

const MIB = 1024 * 1024

describe("preparing on a real file system that fails", () => {
  let home: ReturnType<typeof temporaryFolder>
  let origin: Origin
  let data: string
  let mounted = false

  beforeEach(function () {
    home = temporaryFolder()
    data = join(home.path, "data")
    mkdirSync(data)
    mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=8m", "datamaestro-test", data]).status === 0
    if (!mounted) this.skip()
  })
  afterEach(async () => {
    if (mounted) execFileSync("umount", ["-l", data])
    await origin?.close()
    home.remove()
  })
  const remount = (options: string): void => void execFileSync("mount", ["-o", `remount,${options}`, data])
  const place = (id: string): string => join(data, "data/test", ...id.split("."))
  /** What is there for people to see. */
  const visible = (id: string): string[] => readdirSync(place(id)).filter((name) => !name.startsWith("."))

  it("that fills up while a file is unpacked: tells so, keeps the download, and needs no network once there is space", async () => {
    const text = Buffer.alloc(20 * MIB, "many words ")
    origin = await startOrigin({ "/text.gz": { body: gzipSync(text) } })
    const dataset = resolved(
      defineDataset({
        id: "org.example.full",
        resources: { text: file(`${origin.url}/text.gz`, { name: "text.txt" }) },
        describe: ({ text: found }) => ({ text: textFile(found) }),
      }),
    )
    const error = await failure(prepareDataset(dataset, prepareOptions(data)))
    expect(error.code).to.equal("NO_SPACE")
    expect(error.hint).to.contain("--data")
    expect(visible("org.example.full")).to.deep.equal([])
    const requests = origin.requests.length
    remount("size=64m")
    await prepareDataset(dataset, prepareOptions(data))
    expect(origin.requests.length).to.equal(requests)
    expect(readFileSync(join(place("org.example.full"), "text.txt")).equals(text)).to.equal(true)
  })

  it("that fills up by what is unpacked of half a download: tells so at once, and goes on with that half", async () => {
    remount("size=20m")
    const text = Buffer.concat([Buffer.alloc(40 * MIB, "many words "), randomBytes(6 * MIB)])
    const body = gzipSync(text, { level: 1 })
    origin = await startOrigin({ "/text.gz": { body, throttle: body.length / 4 } })
    const dataset = resolved(
      defineDataset({
        id: "org.example.half",
        resources: { text: file(`${origin.url}/text.gz`, { name: "text.txt" }) },
        describe: ({ text: found }) => ({ text: textFile(found) }),
      }),
    )
    const error = await failure(prepareDataset(dataset, prepareOptions(data)))
    expect(error.code).to.equal("NO_SPACE")
    expect(origin.requests[0]?.sent).to.be.lessThan(body.length)
    expect(visible("org.example.half")).to.deep.equal([])
    expect(existsSync(join(place("org.example.half"), ".downloads"))).to.equal(false)
    remount("size=80m")
    origin.route("/text.gz", { body })
    await prepareDataset(dataset, prepareOptions(data))
    expect(origin.requests.at(-1)?.status).to.equal(206)
    expect(readFileSync(join(place("org.example.half"), "text.txt")).equals(text)).to.equal(true)
  }).timeout(20_000)

  it("that is too small for the download: tells so, and goes on with what it has", async () => {
    const body = randomBytes(12 * MIB)
    origin = await startOrigin({ "/large.bin": { body } })
    const dataset = resolved(
      defineDataset({
        id: "org.example.large",
        resources: {
          large: file(`${origin.url}/large.bin`, {
            name: "large.bin",
            integrity: sha256(createHash("sha256").update(body).digest("hex")),
          }),
        },
        describe: ({ large }) => ({ large: textFile(large) }),
      }),
    )
    expect((await failure(prepareDataset(dataset, prepareOptions(data)))).code).to.equal("NO_SPACE")
    expect(visible("org.example.large")).to.deep.equal([])
    remount("size=64m")
    await prepareDataset(dataset, prepareOptions(data))
    expect(readFileSync(join(place("org.example.large"), "large.bin")).equals(body)).to.equal(true)
  })

  it("that has no inodes left for a tar's files: tells so and leaves none", async () => {
    const members = Array.from({ length: 300 }, (_, index) => ({ name: `top/${index}.txt`, content: `${index}` }))
    origin = await startOrigin({ "/many.tar.gz": { body: tarGzArchive(members) } })
    const dataset = resolved(
      defineDataset({
        id: "org.example.many",
        resources: { data: tar(`${origin.url}/many.tar.gz`) },
        describe: ({ data: found }) => ({ data: folder(found) }),
      }),
    )
    remount("nr_inodes=200")
    const error = await failure(prepareDataset(dataset, prepareOptions(data)))
    expect(error.code).to.equal("NO_SPACE")
    expect(error.hint).to.contain("what was downloaded is kept")
    expect(visible("org.example.many")).to.deep.equal([])
    const requests = origin.requests.length
    remount("nr_inodes=2000")
    await prepareDataset(dataset, prepareOptions(data))
    expect(origin.requests.length).to.equal(requests)
    expect(visible("org.example.many")).to.have.length(300)
  })

  it("that is read-only: tells so before anything is fetched", async () => {
    origin = await startOrigin({ "/a.txt": { body: Buffer.from("a") } })
    const dataset = resolved(
      defineDataset({
        id: "org.example.readonly",
        resources: { a: file(`${origin.url}/a.txt`, { name: "a.txt" }) },
        describe: ({ a }) => ({ a: textFile(a) }),
      }),
    )
    remount("ro")
    const error = await failure(prepareDataset(dataset, prepareOptions(data)))
    expect(error.code).to.equal("READ_ONLY")
    expect(origin.requests).to.deep.equal([])
    remount("rw")
  })

  it("where something is mounted in the place of what is prepared anew: names it, and what was there is still used", async () => {
    origin = await startOrigin({ "/a.tar.gz": { body: tarGzArchive([{ name: "top/1.txt", content: "one" }]) } })
    const dataset = resolved(
      defineDataset({
        id: "org.example.mounted",
        resources: { all: tar(`${origin.url}/a.tar.gz`, { into: "all" }) },
        describe: ({ all }) => ({ all: folder(all) }),
      }),
    )
    const path = join(place("org.example.mounted"), "all")
    await prepareDataset(dataset, prepareOptions(data))
    execFileSync("mount", ["--bind", path, path])
    try {
      const error = await failure(prepareDataset(dataset, prepareOptions(data, { force: true })))
      expect([error.code, error.message]).to.deep.equal([
        "STORAGE_FAILED",
        `Cannot replace "${path}": it is in use, as a place is where something is mounted`,
      ])
      await prepareDataset(dataset, prepareOptions(data))
      expect(readFileSync(join(path, "1.txt"), "utf8")).to.equal("one")
      expect(origin.requests).to.have.length(2)
      expect(readdirSync(place("org.example.mounted"))).to.not.include(".downloads")
    } finally {
      execFileSync("umount", [path])
    }
  })
})
