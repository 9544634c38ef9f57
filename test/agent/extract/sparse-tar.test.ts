import { createHash } from "node:crypto"
import { openSync, closeSync, writeSync, ftruncateSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { expect } from "chai"
import { execaSync } from "execa"
import { extractBytes, failure, temporaryFolder, tree } from "../../fixtures/extraction.ts"
import { paxRecords, tarArchive, type TarMember } from "../../fixtures/tar-archive.ts"

const MEGABYTE = 1024 * 1024

describe("sparse files in a tar", function () {
  this.timeout(30_000)
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => (folder = temporaryFolder()))
  afterEach(() => folder.remove())

  /** A file of that size with pieces of text at these places. */
  function makeSparse(name: string, size: number, places: readonly number[]): void {
    const fd = openSync(join(folder.path, "src", name), "w")
    ftruncateSync(fd, size)
    for (const place of places) writeSync(fd, `at ${place}`, place)
    closeSync(fd)
  }

  const ways: [string, string[]][] = [
    ["tar", ["-S", "--format=gnu"]],
    ["tar", ["-S", "--format=posix", "--sparse-version=0.0"]],
    ["tar", ["-S", "--format=posix", "--sparse-version=0.1"]],
    ["tar", ["-S", "--format=posix", "--sparse-version=1.0"]],
    ["bsdtar", ["--format=pax", "--read-sparse"]],
  ]
  for (const [program, args] of ways) {
    it(`are written with their holes: ${program} ${args.join(" ")}`, async function () {
      if (execaSync("sh", ["-c", `command -v ${program}`], { reject: false }).failed) this.skip()
      execaSync("mkdir", ["src"], { cwd: folder.path })
      makeSparse("begins", 3 * MEGABYTE, [0])
      makeSparse("ends", 3 * MEGABYTE, [3 * MEGABYTE - 20])
      makeSparse("empty", 2 * MEGABYTE, [])
      makeSparse(
        "many",
        40 * MEGABYTE,
        Array.from({ length: 150 }, (_, index) => index * 262_144 + 5000),
      )
      makeSparse("small", 20_000, [9000])
      execaSync("sh", ["-c", "echo plain > src/plain; ln src/many src/other"], { cwd: folder.path })
      const archive = execaSync(program, [...args, "-cf", "-", "src"], {
        cwd: folder.path,
        encoding: "buffer",
        stripFinalNewline: false,
      }).stdout
      expect(archive.length).to.be.below(2 * MEGABYTE)
      const { root, files } = await extractBytes(folder.path, "tar", Buffer.from(archive), { strip: "auto" })
      for (const name of ["begins", "ends", "empty", "many", "small", "plain", "other"]) {
        const content = readFileSync(join(folder.path, "src", name))
        expect(readFileSync(join(root, name)).equals(content), name).to.equal(true)
        const sha256 = createHash("sha256").update(content).digest("hex")
        expect(files, name).to.deep.include({ path: name, bytes: content.length, sha256 })
      }
      for (const name of ["begins", "ends", "empty", "many"]) {
        const blocks = (path: string) => statSync(path).blocks
        expect(blocks(join(root, name)), name).to.be.at.most(blocks(join(folder.path, "src", name)) + 16)
      }
    })
  }

  const sparse = (records: Record<string, string>, content: string, name = "s"): TarMember[] => [
    paxRecords({ "GNU.sparse.name": name, ...records }),
    { name: "GNUSparseFile.0/s", content },
  ]
  const inContent = (size: number, map: string, data: string): TarMember[] => {
    const version = { "GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": String(size) }
    return sparse(version, map.padEnd(512, "\0") + data)
  }
  const inHeader = (size: number | string, map: string, data: string): TarMember[] =>
    sparse({ "GNU.sparse.size": String(size), "GNU.sparse.map": map }, data)

  it("have zeros where the map has none of their data", async () => {
    const members = [
      ...inContent(10, "2\n1\n2\n5\n1\n", "abc"),
      ...sparse({ "GNU.sparse.size": "4", "GNU.sparse.map": "1,1" }, "x", "t"),
      { name: "after", content: "after" },
    ]
    const { root } = await extractBytes(folder.path, "tar", tarArchive(members))
    expect(tree(root)).to.deep.equal({ s: "\0ab\0\0c\0\0\0\0", t: "\0x\0\0", after: "after" })
  })

  it("are passed over where they are not wanted", async () => {
    const members = [...inContent(10, "nonsense", "abc"), { name: "after", content: "after" }]
    const { root } = await extractBytes(folder.path, "tar", tarArchive(members), { files: ["after"] })
    expect(tree(root)).to.deep.equal({ after: "after" })
  })

  const damaged: Record<string, TarMember[]> = {
    "pieces that overlap": inHeader(10, "0,3,2,1", "abcd"),
    "pieces out of order": inHeader(10, "5,1,0,1", "ab"),
    "a piece beyond the end": inHeader(10, "8,3", "abc"),
    "a piece beyond all numbers": inHeader(10, "9007199254740991,9007199254740991", "abc"),
    "a piece of no length": inHeader(10, "1", "a"),
    "a piece before the beginning": inHeader(10, "-1,2", "ab"),
    "a length below nothing": inHeader(10, "5,-2,3,1", "a"),
    "no number": inHeader(10, "x,1", "a"),
    "no size": inHeader("", "0,1", "a"),
    "a size below nothing": inHeader(-10, "0,1", "a"),
    "more data than the map says": inHeader(10, "0,1", "ab"),
    "less data than the map says": inHeader(10, "0,2", "a"),
    "less data than a map in the content says": inContent(10, "1\n0\n4\n", "abc"),
    "more data than a map in the content says": inContent(10, "1\n0\n2\n", "abc"),
    "a map in the content that does not end": inContent(10, "9\n0\n1\n", "a"),
    "a map in the content with a long number": inContent(10, `1\n${"0".repeat(100)}\n1\n`, "a"),
    "a map in the content that is none": inContent(10, "abc\n", "a"),
  }
  for (const [what, members] of Object.entries(damaged)) {
    it(`are refused with ${what}`, async () => {
      const error = await failure(extractBytes(folder.path, "tar", tarArchive(members)))
      expect([error.code, error.exitStatus]).to.deep.equal(["CORRUPT", 5])
      expect(error.message).to.contain('"s": the map of its holes is damaged')
      expect(tree(folder.path)).to.have.all.keys("archive")
    })
  }

  it("count whole for the free space", async () => {
    const error = await failure(extractBytes(folder.path, "tar", tarArchive(inHeader(2 ** 50, "0,1", "a"))))
    expect(error.code).to.equal("NO_SPACE")
  })

  it("of a way that is not known are refused by name", async () => {
    const records = { "GNU.sparse.major": "2", "GNU.sparse.minor": "1", "GNU.sparse.realsize": "9" }
    const error = await failure(extractBytes(folder.path, "tar", tarArchive(sparse(records, "x"))))
    expect([error.code, error.message]).to.deep.equal([
      "UNSUPPORTED_FORMAT",
      'Cannot extract "thing.tar": member "s" is a sparse file of version 2.1, which is not supported',
    ])
  })

  it("let an interruption end them within a hole", async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 20)
    const archive = tarArchive(inHeader(2 ** 33, "0,1", "a"))
    const error = await failure(extractBytes(folder.path, "tar", archive, { signal: controller.signal }))
    expect(error.code).to.equal("INTERRUPTED")
    expect(tree(folder.path)).to.have.all.keys("archive")
  })
})
