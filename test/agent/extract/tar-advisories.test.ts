import { expect } from "chai"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { extractArchive } from "../../../packages/agent/src/extract/extract-archive.ts"
import { FollowedFile } from "../../../packages/agent/src/follow/followed-file.ts"
import { extractBytes, failure, stepContext, temporaryFolder } from "../../fixtures/extraction.ts"
import { tarArchive, type TarMember } from "../../fixtures/tar-archive.ts"

const link = (name: string, linkname: string): TarMember => ({ name, type: "2", linkname })
const hard = (name: string, linkname: string): TarMember => ({ name, type: "1", linkname })
const file = (name: string): TarMember => ({ name, content: "pwned" })
const directory = (name: string): TarMember => ({ name, type: "5" })
const pax = (record: string): TarMember => {
  const length = record.length + 4
  return { name: "PaxHeader/x", type: "x", content: `${length} ${record}\n` }
}

/** What was published about npm's tar, by its advisory; "ABOVE" stands for the folder above the extracted one. */
const REFUSED: Readonly<Record<string, readonly TarMember[]>> = {
  "GHSA-gfjr-3jmm-4g9v: a file written through a symbolic link of the archive": [link("x", "ABOVE"), file("x/victim")],
  "GHSA-j44m-qm6p-hp7m: a file written over a hard link to one that was there": [hard("x", "ABOVE/victim"), file("x")],
  "GHSA-3jfq-g458-7qm9: absolute paths, once stripped": [file("ABOVE/victim")],
  "GHSA-3jfq-g458-7qm9: absolute paths with more than one root": [file("////ABOVE/victim")],
  "GHSA-r628-mhmh-qjhw: a folder that becomes a link": [directory("a"), link("a", "ABOVE"), file("a/victim")],
  "GHSA-9r2w-394v-53qc: a folder and a link of one name but for a backslash": [
    directory("a\\b"),
    link("a/b", "ABOVE"),
    file("a/b/victim"),
  ],
  "GHSA-5955-9wpr-37jh: paths relative to a drive": [file("C:../victim")],
  "GHSA-8qq5-rm4j-mr97: an absolute hard link": [hard("x", "ABOVE/victim"), file("x")],
  "GHSA-8qq5-rm4j-mr97: an absolute symbolic link": [link("x", "ABOVE/victim")],
  "GHSA-34x7-hfp2-rc4v: a hard link that stays inside only from its own folder": [hard("a/b/c/d/x", "../../victim")],
  "GHSA-83g3-92jg-28cx: a hard link through a chain of links": [
    link("a/b/c/up", "../.."),
    link("a/b/escape", "c/up/../.."),
    hard("x", "a/b/escape/../victim"),
  ],
  "GHSA-qffp-2rhf-9h96: a hard link relative to a drive": [hard("x", "C:../victim")],
  "GHSA-9ppj-qmqm-q256: a symbolic link relative to a drive": [link("x", "C:../victim")],
}

describe("published advisories of npm's tar", function () {
  this.timeout(20_000)
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => {
    folder = temporaryFolder()
    writeFileSync(join(folder.path, "victim"), "untouched")
  })
  afterEach(() => folder.remove())

  function extract(members: readonly TarMember[]) {
    const placed = members.map((member) => ({
      ...member,
      name: member.name.replace("ABOVE", folder.path),
      ...(member.linkname === undefined ? {} : { linkname: member.linkname.replace("ABOVE", folder.path) }),
    }))
    return extractBytes(folder.path, "tar", tarArchive(placed))
  }

  for (const [name, members] of Object.entries(REFUSED)) {
    it(name, async () => {
      const error = await failure(extract(members))
      expect(error.code).to.be.oneOf(["UNSAFE_ARCHIVE", "CORRUPT"])
      expect(readFileSync(join(folder.path, "victim"), "utf8")).to.equal("untouched")
      expect(readdirSync(folder.path).sort()).to.deep.equal(["archive", "victim"])
    })
  }

  const ambiguous = {
    "GHSA-qq89-hq3f-393p: a folder and a link whose names a file system takes for one": ["caf\u00e9", "cafe\u0301"],
    "GHSA-r6q2-hw4h-h46w: names that a file system folds into one": ["collapse\u00df", "collapsess"],
  } as const
  for (const [name, [one, other]] of Object.entries(ambiguous)) {
    it(name, async () => {
      await extract([directory(one), link(other, one), file(`${one}/victim`)]).catch(() => {})
      expect(readFileSync(join(folder.path, "victim"), "utf8")).to.equal("untouched")
      await failure(extract([link(one, ".."), file(`${one}/victim`)]))
      expect(readFileSync(join(folder.path, "victim"), "utf8")).to.equal("untouched")
    })
  }

  it("GHSA-f5x3-32g6-xq36, GHSA-r292-9mhp-454m: a path of thousands of folders is refused at once", async () => {
    const deep = "d/".repeat(60_000)
    const members = [file(`${deep}x`)]
    expect((await failure(extract(members))).code).to.equal("UNSAFE_ARCHIVE")
    expect(existsSync(join(folder.path, "out"))).to.equal(false)
    const selected = extractBytes(folder.path, "tar", tarArchive(members), { files: ["x"] })
    expect((await failure(selected)).code).to.equal("UNSAFE_ARCHIVE")
  })

  it("GHSA-gvwx-54wh-qm9j: NUL in paths of a pax header reaches no file system call", async () => {
    for (const members of [
      [pax("path=a\0../../victim"), file("y")],
      [pax("linkpath=a\0b"), link("z", "w")],
    ]) {
      expect((await failure(extract(members))).code).to.equal("UNSAFE_ARCHIVE")
    }
    expect(readFileSync(join(folder.path, "victim"), "utf8")).to.equal("untouched")
    expect(existsSync(join(folder.path, "out"))).to.equal(false)
  })

  it("GHSA-w8wr-v893-vjvp: a pax path that is a number is a name", async () => {
    const { files } = await extract([pax("path=123"), file("y")])
    expect(files.map(({ path }) => path)).to.deep.equal(["123"])
  })

  it("GHSA-8x88-c5mf-7j5w: a negative size ends the reading", async () => {
    const bytes = tarArchive([file("x"), file("y")])
    // The size field in base 256, all ones: -1.
    bytes.fill(0xff, 124, 136)
    bytes.fill(0x20, 148, 156)
    const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0)
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1")
    expect((await failure(extractBytes(folder.path, "tar", bytes))).code).to.be.oneOf(["CORRUPT", "TRUNCATED"])
  })

  it("GHSA-vmf3-w455-68vh: a pax size is that of the member, not of a long name before it", async () => {
    const long: TarMember = { name: "././@LongLink", type: "L", content: "a-long-name.txt\0" }
    const members = [pax("size=5"), long, { name: "x", content: "hello" }, file("y")]
    const { files } = await extract(members)
    expect(files.map(({ path, bytes }) => [path, bytes])).to.deep.equal([
      ["a-long-name.txt", 5],
      ["y", 5],
    ])
    expect(readFileSync(join(folder.path, "out/a-long-name.txt"), "utf8")).to.equal("hello")
  })

  it("GHSA-29xp-372q-xqph: of a file that becomes shorter while it is read, no other memory is taken for its rest", async () => {
    const archive = join(folder.path, "archive")
    const bytes = tarArchive([{ name: "x", content: Buffer.alloc(4000, "x") }])
    writeFileSync(archive, bytes.subarray(0, 2000))
    const source = new FollowedFile()
    source.end([{ path: archive, bytes: bytes.length }])
    const request = { kind: "tar", source, archive: "x.tar", output: join(folder.path, "out"), verified: true } as const
    const error = await failure(extractArchive({ ...request, selection: { strip: 0 } }, stepContext()))
    expect(error.code).to.equal("TRUNCATED")
    expect(existsSync(join(folder.path, "out"))).to.equal(false)
  })

  it("GHSA-23hp-3jrh-7fpw: input that expands without end is stopped", async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024))
    const error = await failure(extractBytes(folder.path, "tar", gzipSync(bomb)))
    expect(error.code).to.equal("CORRUPT")
  })
})
