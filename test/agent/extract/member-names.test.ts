import { expect } from "chai"
import { execaSync } from "execa"
import { extractBytes, failure, temporaryFolder, tree } from "../../fixtures/extraction.ts"
import { paxRecords, tarArchive } from "../../fixtures/tar-archive.ts"
import { zipArchive } from "../../fixtures/zip-archive.ts"

const latin1 = (name: string): Buffer => Buffer.from(name, "latin1")

describe("names of members, in any encoding", () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => (folder = temporaryFolder()))
  afterEach(() => folder.remove())

  it("of a tar are read as windows-1252, part by part, where they are not UTF-8", async () => {
    const members = [
      { name: "x", rawName: latin1("caf\xe9/na\xefve"), content: "1" },
      { name: "x", rawName: Buffer.concat([Buffer.from("日本/"), latin1("\x80 \x93na\xefve\x94")]), content: "2" },
      { name: "日本/ü", content: "3" },
    ]
    const { root, files } = await extractBytes(folder.path, "tar", tarArchive(members))
    expect(tree(root)).to.deep.equal({
      café: "/",
      "café/naïve": "1",
      日本: "/",
      "日本/€ “naïve”": "2",
      "日本/ü": "3",
    })
    expect(files.map(({ path }) => path)).to.include("café/naïve")
  })

  it("do not matter to the sum of a header that an old program summed up as signed bytes", async () => {
    const archive = tarArchive([{ name: "x", rawName: latin1("caf\xe9"), content: "1" }])
    const sum = parseInt(archive.toString("latin1", 148, 154), 8)
    archive.write((sum - 256).toString(8).padStart(6, "0"), 148, "latin1")
    const { root } = await extractBytes(folder.path, "tar", archive)
    expect(tree(root)).to.deep.equal({ café: "1" })
    archive.write((sum - 255).toString(8).padStart(6, "0"), 148, "latin1")
    expect(await failure(extractBytes(folder.path, "tar", archive))).to.have.property("code", "CORRUPT")
  })

  it("are told apart where they share a byte, and meet what the definition names", async () => {
    const members = [
      { name: "x", rawName: latin1("\xe4"), content: "ä" },
      { name: "x", rawName: latin1("\xf6"), content: "ö" },
    ]
    const all = await extractBytes(folder.path, "tar", tarArchive(members))
    expect(tree(all.root)).to.deep.equal({ ä: "ä", ö: "ö" })
    for (const wanted of [{ files: ["ö"] }, { include: ["[ö]"] }]) {
      folder.remove()
      folder = temporaryFolder()
      const { root } = await extractBytes(folder.path, "tar", tarArchive(members), wanted)
      expect(tree(root)).to.deep.equal({ ö: "ö" })
    }
  })

  it("are replaced by the same bytes, below what strip takes, and led to by links", async () => {
    const members = [
      { name: "x", rawName: latin1("\xe8re/\xe4"), content: "old" },
      { name: "x", rawName: latin1("./\xe9t\xe9/.//\xe4"), content: "new" },
      { name: "x/l", type: "2", rawLinkname: latin1("\xe4") },
      { name: "x/h", type: "1", rawLinkname: latin1("\xe9t\xe9/\xe4") },
    ]
    const { root } = await extractBytes(folder.path, "tar", tarArchive(members), { strip: 1 })
    expect(tree(root)).to.deep.equal({ ä: "new", l: "-> ä", h: "new" })
  })

  it("of a zip that says UTF-8 where they are not are told apart, too", async () => {
    const members = [
      { name: "x", rawName: latin1("\x84"), content: "1" },
      { name: "x", rawName: latin1("\x94"), content: "2" },
      { name: "l", content: latin1("\x84"), mode: 0o120777 },
    ]
    const { root } = await extractBytes(folder.path, "zip", zipArchive(members))
    expect(tree(root)).to.deep.equal({ ä: "1", ö: "2", l: "-> ä" })
  })

  it("of two bytes a character, of which one is that of a backslash, are not broken into folders", async () => {
    // "表/能.txt" and "ソ\\十.txt" in Shift JIS, the second one as programs for Windows write it; "許功" in Big5.
    const names = ["\x95\x5c/\x94\x5c.txt", "\x83\x5c\\\x8f\x5c.txt", "\xb3\x5c\xa5\x5c"]
    const link = { name: "l", mode: 0o120777, content: latin1("\xb3\x5c\xa5\x5c") }
    const members = names.map((name) => ({ name: "x", rawName: latin1(name), content: name, flags: 0 }))
    const { root } = await extractBytes(folder.path, "zip", zipArchive([...members, link]))
    expect(tree(root)).to.deep.equal({
      "ò＼": "/",
      "ò＼/ö＼.txt": names[0],
      "â＼": "/",
      "â＼/Å＼.txt": names[1],
      "│＼Ñ＼": names[2],
      l: "-> │＼Ñ＼",
    })
    const other = temporaryFolder()
    const tar = tarArchive([{ name: "x", rawName: latin1(names[0] ?? ""), content: "1" }])
    expect(tree((await extractBytes(other.path, "tar", tar)).root)).to.deep.equal({ "•＼": "/", "•＼/”＼.txt": "1" })
    other.remove()
  })

  it("are an error where one of a zip that is not UTF-8 reads as another", async () => {
    const members = [
      { name: "x", rawName: latin1("\x84"), content: "1", flags: 0 },
      { name: "ä", content: "2" },
    ]
    const error = await failure(extractBytes(folder.path, "zip", zipArchive(members)))
    expect([error.code, error.message]).to.deep.equal([
      "UNSAFE_ARCHIVE",
      'Cannot extract "thing.zip": member "ä" has a name that is not UTF-8 and cannot be told from another',
    ])
    const twice = [members[0], { ...members[0], content: "last" }] as const
    const { root } = await extractBytes(folder.path, "zip", zipArchive(twice as never))
    expect(tree(root)).to.deep.equal({ ä: "last" })
  })

  it("may have line ends and equals signs in a pax header", async () => {
    const names = ["two\nlines", `=\n${"long/".repeat(40)}12 path=x\n`]
    const members = names.flatMap((name) => [
      paxRecords({ path: name, comment: "a\nb" }),
      { name: "short", content: name },
    ])
    const { root } = await extractBytes(folder.path, "tar", tarArchive(members))
    for (const name of names) expect(tree(root)).to.include({ [name]: name })
  })

  it("are whole where a character of a long one is cut by what is read at once", async () => {
    const name = Array(3).fill("日".repeat(80)).join("/")
    const filler = { name: "filler", content: "x".repeat(128 * 1024 - 3 * 512) }
    const long = { name: "././@LongLink", type: "L", content: `${name}\0` }
    const { root } = await extractBytes(folder.path, "tar", tarArchive([filler, long, { name: "short", content: "x" }]))
    expect(tree(root)).to.include({ [name]: "x" })
  })

  it("that Python, GNU tar and bsdtar write are read alike", async () => {
    const programs: [string, string[]][] = [
      ["tar", ["--format=gnu", "-cf", "-", "d"]],
      ["tar", ["--format=posix", "-cf", "-", "d"]],
      ["bsdtar", ["--format=pax", "-cf", "-", "d"]],
      ["python3", ["-c", "import sys, tarfile; tarfile.open(fileobj=sys.stdout.buffer, mode='w|').add('d')"]],
    ]
    const script = `mkdir d && printf 1 > "d/$(printf 'caf\\351')" && printf 2 > "d/two
lines" && printf 3 > d/é && mkdir "d/$(printf %0120d 1)" && printf 4 > "d/$(printf %0120d 1)/$(printf '\\351')"`
    execaSync("sh", ["-c", script], { cwd: folder.path })
    const expected = { café: "1", "two\nlines": "2", é: "3", [`${"0".repeat(119)}1/é`]: "4" }
    for (const [program, args] of programs) {
      const made = execaSync(program, args, {
        cwd: folder.path,
        encoding: "buffer",
        stripFinalNewline: false,
        reject: false,
      })
      if (made.failed && made.code === "ENOENT") continue
      const other = temporaryFolder()
      const bytes = Buffer.from(made.stdout as Uint8Array)
      const { root } = await extractBytes(other.path, "tar", bytes, { strip: "auto", verified: true })
      expect(tree(root), program).to.include(expected)
      other.remove()
    }
  })
})
