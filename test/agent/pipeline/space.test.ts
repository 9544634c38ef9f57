import { execFileSync, spawnSync } from "node:child_process"
import { createHash, randomBytes } from "node:crypto"
import { mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { defineDataset, file, folder, sha256, tar, textFile, zip } from "@datamaestro/dataset"
import { expect } from "chai"
import { leastSpace, type SpaceNeed } from "../../../packages/agent/src/pipeline/least-space.ts"
import { planWork, prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { failure, temporaryFolder } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved } from "../../fixtures/preparation.ts"
import { tarGzArchive } from "../../fixtures/tar-archive.ts"
import { until } from "../../helpers/job-lab.ts"
import { startOrigin, type Origin } from "../../helpers/origin.ts"

const MIB = 1024 * 1024
const need = (fetch: number, output: number, freed = 0): SpaceNeed => ({ fetch, output, freed, files: 0 })

describe("the space that a preparation takes at least", () => {
  it("is nothing for nothing", () => expect(leastSpace([], false)).to.equal(0))

  it("is a download with its output, where that goes beside it", () => {
    expect(leastSpace([need(10, 30)], false)).to.equal(40)
    expect(leastSpace([need(0, 30, 10)], false)).to.equal(30)
  })

  it("counts of several all outputs, and the download that is smallest beside its output", () => {
    expect(leastSpace([need(10, 10), need(8, 8)], false)).to.equal(26)
    expect(leastSpace([need(10, 10), need(8, 8)], true)).to.equal(36)
  })

  it("is the largest alone, where others free more than they take", () => {
    expect(leastSpace([need(0, 50, 50), need(0, 20, 20)], false)).to.equal(50)
  })

  it("is known of more resources than a call takes arguments", () => {
    const many = Array.from({ length: 200_000 }, () => need(1, 2))
    expect(leastSpace(many, false)).to.equal(400_001)
    expect(leastSpace(many, true)).to.equal(600_000)
  })
})

describe("a preparation that can't fit", function () {
  this.timeout(30_000)
  let home: ReturnType<typeof temporaryFolder>
  let origin: Origin
  let data: string
  let mounted = false
  const body = randomBytes(5 * MIB)
  const sum = createHash("sha256").update(body).digest("hex")

  beforeEach(async function () {
    home = temporaryFolder()
    data = join(home.path, "data")
    mkdirSync(data)
    origin = await startOrigin()
    mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=8m,nr_inodes=200", "datamaestro-test", data]).status === 0
    if (!mounted) this.skip()
  })
  afterEach(async () => {
    if (mounted) execFileSync("umount", ["-l", data])
    await origin.close()
    home.remove()
  })
  const remount = (options: string): void => void execFileSync("mount", ["-o", `remount,${options}`, data])
  const thing = (resources: Record<string, ReturnType<typeof file> | ReturnType<typeof tar>>) =>
    resolved(
      defineDataset({
        id: "org.example.thing",
        resources,
        describe: (all) => Object.fromEntries(Object.entries(all).map(([key, one]) => [key, textFile(one as never)])),
      }),
    )

  it("is told before the first byte, with numbers, where its sizes are declared", async () => {
    origin.route("/a", { body })
    origin.route("/b", { body })
    const dataset = thing({
      a: file(origin.at("/a"), { name: "a.bin", size: body.length }),
      b: file(origin.at("/b"), { name: "b.bin", size: body.length }),
    })
    const error = await failure(prepareDataset(dataset, prepareOptions(data)))
    expect(error).to.include({ code: "NO_SPACE" })
    expect(error.message).to.match(/^Cannot prepare "org.example.thing": 10\.5 MB are needed, 8\.\d MB are available$/)
    expect(error.details).to.include({ needed: 2 * body.length })
    expect(origin.requests).to.deep.equal([])
    remount("size=20m")
    await prepareDataset(dataset, prepareOptions(data))
  })

  it("is told when the servers tell sizes that fit alone, but not together", async () => {
    // Neither is at its end when the other begins.
    origin.route("/a", { body, throttle: 4 * MIB })
    origin.route("/b", { body, throttle: 4 * MIB })
    const error = await failure(
      prepareDataset(
        thing({ a: file(origin.at("/a"), { name: "a.bin" }), b: file(origin.at("/b"), { name: "b.bin" }) }),
        prepareOptions(data),
      ),
    )
    expect(error).to.include({ code: "NO_SPACE" })
    expect(error.message).to.match(/ are needed, .* are available$/)
    expect(origin.requests.reduce((total, { sent }) => total + sent, 0)).to.be.below(body.length)
  })

  it("is told when an archive fits, but not beside what is in it", async () => {
    origin.route("/a.tar.gz", { body: tarGzArchive([{ name: "a.bin", content: body }]), throttle: 4 * MIB })
    const dataset = thing({ data: tar(origin.at("/a.tar.gz")) })
    const error = await failure(prepareDataset(dataset, prepareOptions(data)))
    expect(error).to.include({ code: "NO_SPACE" })
    expect(error.message).to.match(/10\.\d MB are needed/)
    expect(origin.requests[0]?.sent).to.be.below(body.length)
    // Of which only a part is wanted, nobody knows.
    const part = thing({ data: tar(origin.at("/a.tar.gz"), { include: ["none/**", "a.bin"] }) })
    expect((await failure(prepareDataset(part, prepareOptions(data)))).message).to.match(
      /^Cannot extract|^Cannot write/,
    )
  })

  it("continues what it has, which it needs no second time", async () => {
    origin.route("/a", { body, cutAfter: { bytes: 3 * MIB } })
    const dataset = thing({ a: file(origin.at("/a"), { name: "a.bin", size: body.length }) })
    const cut = failure(prepareDataset(dataset, prepareOptions(data)))
    await until(() => origin.requests.length === 1)
    origin.route("/a", { body, fail: { status: 404 } })
    expect((await cut).code).to.equal("DOWNLOAD_FAILED")
    origin.route("/a", { body })
    remount("size=6m")
    await prepareDataset(dataset, prepareOptions(data))
    expect(origin.requests.at(-1)?.headers.range).to.match(/^bytes=\d+-$/)
  })

  it("is told with its files, when it was prepared before", async () => {
    const members = Array.from({ length: 100 }, (_, index) => ({ name: `${index}.txt`, content: "x" }))
    origin.route("/many.tar.gz", { body: tarGzArchive(members) })
    const dataset = resolved(
      defineDataset({
        id: "org.example.many",
        resources: { data: tar(origin.at("/many.tar.gz")) },
        describe: ({ data: found }) => ({ data: folder(found) }),
      }),
    )
    await prepareDataset(dataset, prepareOptions(data))
    const requests = origin.requests.length
    const error = await failure(prepareDataset(dataset, prepareOptions(data, { force: true })))
    expect(error.message).to.match(/it has 100 files, the file system takes \d+ more \(inodes\)$/)
    expect(origin.requests.length).to.equal(requests)
  })

  it("is told by a dry run, with what unpacking takes", async () => {
    const packed = tarGzArchive([{ name: "a.bin", content: body }])
    origin.route("/a.tar.gz", { body: packed })
    origin.route("/some.zip", { body: Buffer.alloc(1000) })
    const dataset = thing({
      data: tar(origin.at("/a.tar.gz"), { size: packed.length }),
      some: zip(origin.at("/some.zip"), { size: 1000, files: ["x"] }),
    })
    const options = { ...prepareOptions(data), datafolders: {}, mirrors: {} }
    const plan = await planWork(dataset, options)
    expect(plan).to.include({ fetch: packed.length + 1000, fits: false })
    expect(plan.needs).to.be.within(2 * packed.length, 2 * packed.length + 1000)
    remount("size=20m")
    expect(await planWork(dataset, options)).to.include({ fits: true })
    rmSync(join(data, "cache"), { recursive: true, force: true })
  })

  it("is no matter where the file system says that it has no space, as ramfs counts none", async () => {
    execFileSync("mount", ["-t", "ramfs", "ramfs", data])
    try {
      const packed = tarGzArchive([{ name: "a.txt", content: "x" }])
      origin.route("/a.tar.gz", { body: packed })
      origin.route("/b", { body })
      const dataset = thing({
        data: tar(origin.at("/a.tar.gz"), { size: packed.length }),
        b: file(origin.at("/b"), { size: body.length }),
      })
      const plan = await planWork(dataset, { ...prepareOptions(data), datafolders: {}, mirrors: {} })
      expect(plan)
        .to.include({ fetch: packed.length + body.length, fits: true })
        .and.not.have.property("free")
      await prepareDataset(dataset, prepareOptions(data))
    } finally {
      execFileSync("umount", ["-l", data])
    }
  })

  it("is no trouble where the cache is on another disk: neither needs what the other takes", async () => {
    const packed = tarGzArchive([{ name: "a.bin", content: body }])
    origin.route("/a.tar.gz", { body: packed })
    const elsewhere = join(home.path, "elsewhere")
    mkdirSync(elsewhere)
    symlinkSync(elsewhere, join(data, "cache"))
    const declared = thing({ data: tar(origin.at("/a.tar.gz"), { size: packed.length }) })
    const plan = await planWork(declared, { ...prepareOptions(data), datafolders: {}, mirrors: {} })
    expect(plan).to.include({ needs: packed.length, fits: true })
    await prepareDataset(declared, prepareOptions(data))
    rmSync(join(data, "data"), { recursive: true })
    // Now the downloads are where there is little, and the data where there is much.
    const large = join(home.path, "large")
    mkdirSync(join(large, "data"), { recursive: true })
    symlinkSync(data, join(large, "cache"))
    await prepareDataset(thing({ data: tar(origin.at("/a.tar.gz")) }), prepareOptions(large))
  })

  it("is told of the disk that is too small, where cache and data are on two", async () => {
    origin.route("/a", { body: Buffer.concat([body, body]) })
    const large = join(home.path, "large")
    const make = (name: string): string => {
      const path = join(large, name)
      mkdirSync(path, { recursive: true })
      return path
    }
    const dataset = thing({ a: file(origin.at("/a"), { name: "a.bin", size: 2 * body.length }) })
    const planned = (path: string) => planWork(dataset, { ...prepareOptions(path), datafolders: {}, mirrors: {} })
    symlinkSync(data, join(make("cache-is-small"), "cache"))
    expect(await planned(join(large, "cache-is-small"))).to.include({ needs: 2 * body.length, fits: false })
    symlinkSync(data, join(make("data-is-small"), "data"))
    const path = join(large, "data-is-small")
    expect(await planned(path)).to.include({ needs: 2 * body.length, fits: false })
    // Also of what is in the cache already, of which the file becomes a copy.
    await prepareDataset(dataset, prepareOptions(path, { fetchOnly: true }))
    expect(await planned(path)).to.include({ fetch: 0, needs: 2 * body.length, fits: false })
    expect((await failure(prepareDataset(dataset, prepareOptions(path)))).message).to.match(/10\.5 MB are needed/)
  })

  it("is no trouble where it fits as it is: a file takes no second copy", async () => {
    origin.route("/a", { body })
    const declared = { name: "a.bin", size: body.length }
    await prepareDataset(
      thing({ a: file(origin.at("/a"), { ...declared, integrity: sha256(sum) }) }),
      prepareOptions(data, { keepDownloads: true }),
    )
    expect(readFileSync(join(data, "data/test/org/example/thing/a.bin"))).to.deep.equal(body)
  })
})
