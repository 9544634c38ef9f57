import { createHash } from "node:crypto"
import { existsSync, lstatSync, statSync } from "node:fs"
import { join } from "node:path"
import { brotliCompressSync, gzipSync } from "node:zlib"
import type { ProgressEvent } from "@datamaestro/protocol"
import { expect } from "chai"
import { execaSync } from "execa"
import { extractBytes, failure, temporaryFolder, tree } from "../../fixtures/extraction.ts"
import { paxRecords, tarArchive, tarGzArchive, type TarMember } from "../../fixtures/tar-archive.ts"
import { zipArchive } from "../../fixtures/zip-archive.ts"

describe("extracting tar", () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => (folder = temporaryFolder()))
  afterEach(() => folder.remove())

  const small: TarMember[] = [
    { name: "top/", mtime: 1_100_000_000 },
    { name: "top/a.txt", content: "alpha", mode: 0o755 },
    { name: "top/deep/b.txt", content: "beta" },
    { name: "top/empty", content: "" },
  ]

  it("writes files with size, SHA-256, execute bits and times", async () => {
    const { files, root } = await extractBytes(folder.path, "tar", tarGzArchive(small))
    expect(tree(root)).to.deep.equal({
      top: "/",
      "top/a.txt": "alpha",
      "top/deep": "/",
      "top/deep/b.txt": "beta",
      "top/empty": "",
    })
    const sha256 = createHash("sha256").update("alpha").digest("hex")
    expect(files).to.deep.include({ path: "top/a.txt", bytes: 5, sha256 })
    const stat = statSync(join(root, "top/a.txt"))
    expect(stat.mode & 0o100).to.equal(0o100)
    expect(statSync(join(root, "top/deep/b.txt")).mode & 0o111).to.equal(0)
    expect(stat.mtimeMs).to.equal(1_000_000_000_000)
    expect(statSync(join(root, "top")).mtimeMs).to.equal(1_100_000_000_000)
  })

  it("gives files, folders and links of before 1970 their time", async () => {
    const members = Array.from({ length: 200 }, (_, index) => [
      paxRecords({ mtime: "-1000000000.5" }),
      { name: `f${index}`, content: "x" },
    ])
    const old = paxRecords({ mtime: "-1" })
    const { root } = await extractBytes(
      folder.path,
      "tar",
      tarArchive([old, { name: "d/" }, old, { name: "l", type: "2", linkname: "f0" }, ...members.flat()]),
    )
    const times = Array.from({ length: 200 }, (_, index) => statSync(join(root, `f${index}`)).mtimeMs)
    expect([...new Set(times)]).to.deep.equal([-1_000_000_000_500])
    expect(statSync(join(root, "d")).mtimeMs).to.equal(-1000)
    expect(lstatSync(join(root, "l")).mtimeMs).to.equal(-1000)
  })

  it("takes permissions from the umask, and no setuid, setgid or sticky bit", async () => {
    const { root } = await extractBytes(
      folder.path,
      "tar",
      tarArchive([
        { name: "a", content: "x", mode: 0o7777 },
        { name: "b", mode: 0 },
      ]),
    )
    expect(statSync(join(root, "a")).mode & 0o7777).to.equal(0o777 & ~process.umask())
    expect(statSync(join(root, "b")).mode & 0o7777).to.equal(0o666 & ~process.umask())
  })

  it("drops a single top-level folder with auto, and only then", async () => {
    const { root, files } = await extractBytes(folder.path, "tar", tarArchive(small), { strip: "auto" })
    expect(Object.keys(tree(root))).to.deep.equal(["a.txt", "deep", "deep/b.txt", "empty"])
    expect(files.map(({ path }) => path)).to.deep.equal(["a.txt", "deep/b.txt", "empty"])
    folder.remove()
    folder = temporaryFolder()
    const two = await extractBytes(folder.path, "tar", tarArchive([...small, { name: "README", content: "r" }]), {
      strip: "auto",
    })
    expect(tree(two.root)).to.include({ "top/a.txt": "alpha", README: "r" })
    folder.remove()
    folder = temporaryFolder()
    const file = await extractBytes(folder.path, "tar", tarArchive([{ name: "./single", content: "s" }]), {
      strip: "auto",
    })
    expect(tree(file.root)).to.deep.equal({ single: "s" })
    folder.remove()
    folder = temporaryFolder()
    const empty = await extractBytes(folder.path, "tar", tarArchive([{ name: "top/", type: "5" }]), { strip: "auto" })
    expect(tree(empty.root)).to.deep.equal({ top: "/" })
  })

  it("strips N parts, drops members that have no more", async () => {
    const { root } = await extractBytes(folder.path, "tar", tarArchive(small), { strip: 2 })
    expect(tree(root)).to.deep.equal({ "b.txt": "beta" })
  })

  it("selects below subpath", async () => {
    const { root } = await extractBytes(folder.path, "tar", tarArchive(small), { strip: "auto", subpath: "top/deep/" })
    expect(tree(root)).to.deep.equal({ "b.txt": "beta" })
  })

  it("selects files and globs, after auto has dropped the folder or not", async () => {
    const one = await extractBytes(folder.path, "tar", tarArchive(small), { strip: "auto", files: ["a.txt"] })
    expect(tree(one.root)).to.deep.equal({ "a.txt": "alpha" })
    folder.remove()
    folder = temporaryFolder()
    const more = [...small, { name: "a.txt", content: "outer" }, { name: "x/a.txt", content: "inner" }]
    const outer = await extractBytes(folder.path, "tar", tarArchive(more), { strip: "auto", files: ["a.txt"] })
    expect(tree(outer.root)).to.deep.equal({ "a.txt": "outer" })
    folder.remove()
    folder = temporaryFolder()
    const globs = await extractBytes(folder.path, "tar", tarArchive(small), { strip: "auto", include: ["**/*.txt"] })
    expect(tree(globs.root)).to.deep.equal({ "a.txt": "alpha", deep: "/", "deep/b.txt": "beta" })
    folder.remove()
    folder = temporaryFolder()
    const below = await extractBytes(folder.path, "tar", tarArchive(small), { strip: 1, files: ["deep"] })
    expect(tree(below.root)).to.deep.equal({ deep: "/", "deep/b.txt": "beta" })
  })

  it("leaves out what a glob that begins with ! matches, with and without the folder that auto drops", async () => {
    const two = [...small, { name: "deep/c.txt", content: "c" }]
    const kinds = [
      [small, ["**", "!deep/**"], ["a.txt", "empty"]],
      [small, ["!deep/**"], ["a.txt", "empty"]],
      [small, ["**/*.txt", "!top/deep/**"], ["a.txt"]],
      [small, ["!a.txt", "*.txt", "!(a.txt|b.txt)"], ["empty"]],
      [two, ["**/*.txt", "!deep/**"], ["top/a.txt", "top/deep/b.txt"]],
    ] as const
    for (const [members, include, expected] of kinds) {
      for (const kind of ["tar", "zip"] as const) {
        const files = members.filter(({ name }) => !name.endsWith("/"))
        const bytes =
          kind === "tar" ? tarArchive(members) : zipArchive(files.map(({ name }) => ({ name, content: "x" })))
        const found = await extractBytes(folder.path, kind, bytes, { strip: "auto", include })
        expect(found.files.map(({ path }) => path).sort(), `${kind} ${include.join(" ")}`).to.deep.equal(expected)
        folder.remove()
        folder = temporaryFolder()
      }
    }
  })

  it("takes names with the folder that auto drops, too", async () => {
    for (const wanted of [{ files: ["top/a.txt", "deep/b.txt"] }, { include: ["top/*.txt", "top/deep/**"] }]) {
      const { root } = await extractBytes(folder.path, "tar", tarGzArchive(small), { strip: "auto", ...wanted })
      expect(tree(root)).to.deep.equal({ "a.txt": "alpha", deep: "/", "deep/b.txt": "beta" })
      folder.remove()
      folder = temporaryFolder()
    }
    const stripped = extractBytes(folder.path, "tar", tarArchive(small), { strip: 1, files: ["top/a.txt"] })
    expect((await failure(stripped)).code).to.equal("CONTENT_MISMATCH")
  })

  it("names the promised files that are not there, and what is nearest", async () => {
    const lacks = (files: string[], members: readonly { name: string }[] = small) =>
      failure(extractBytes(folder.path, "tar", tarArchive(members), { strip: "auto", files }))
    const error = await lacks(["a.txt", "b.txt", "readme"])
    expect(error.code).to.equal("CONTENT_MISMATCH")
    expect(error.message).to.equal('Cannot extract "thing.tar": it has no "b.txt", "readme", but "deep/b.txt"')
    expect(existsSync(join(folder.path, "out"))).to.equal(false)
    expect((await lacks(["readme"])).message).to.match(/it has no "readme", but "a\.txt", "deep\/b\.txt", "empty"$/)
    const many = Array.from({ length: 5000 }, (_, index) => ({ name: `top/${index}/some_file_${index}.txt` }))
    expect((await lacks(["3000/some-file-3000.txt"], many)).message).to.match(/, but "3000\/some_file_3000\.txt"$/)
    const unwanted = extractBytes(folder.path, "tar", tarArchive(small), { strip: "auto", include: ["*.csv"] })
    expect((await failure(unwanted)).message).to.match(
      /: none of its members is wanted; it has "a\.txt", "deep\/b\.txt", "empty"$/,
    )
    const none = await failure(extractBytes(folder.path, "tar", tarArchive(small), { subpath: "nowhere" }))
    expect(none.message).to.equal('Cannot extract "thing.tar": it has nothing below "nowhere", but "top"')
    const stripped = await failure(extractBytes(folder.path, "tar", tarArchive(small), { strip: 9 }))
    expect(stripped.message).to.equal('Cannot extract "thing.tar": none of its members is wanted')
  })

  it("reads long names, Unicode, pax times and all common compressions, whatever the name says", async () => {
    const long = `${"d".repeat(90)}/${"é".repeat(100)}.txt`
    const members = [
      { name: long, content: "long" },
      paxRecords({ path: "ü/ñ.txt", mtime: "1234567890.5" }),
      { name: "short", content: "pax" },
    ]
    const plain = tarArchive(members)
    const programs = [[], ["bzip2"], ["xz"], ["zstd", "-q"]]
    for (const [program, ...args] of programs) {
      const bytes =
        program === undefined
          ? plain
          : Buffer.from(
              execaSync(program, [...args, "-c"], { input: plain, encoding: "buffer", stripFinalNewline: false })
                .stdout,
            )
      const { root } = await extractBytes(folder.path, "tar", bytes)
      expect(tree(root), program).to.include({ [long]: "long", "ü/ñ.txt": "pax" })
      expect(statSync(join(root, "ü/ñ.txt")).mtimeMs).to.be.closeTo(1_234_567_890_500, 1)
      folder.remove()
      folder = temporaryFolder()
      const cut = await failure(
        extractBytes(folder.path, "tar", bytes.subarray(0, bytes.length - (program === undefined ? 1100 : 20))),
      )
      if (program !== undefined) expect(cut.code, program).to.equal("TRUNCATED")
    }
  })

  it("reads a file whose long name is cut in its header where a folder's would end", async () => {
    const name = `${"x".repeat(99)}/alpha.txt`
    const old = { name: `${"y".repeat(50)}/`, type: "\0" }
    const gnu = { name: "././@LongLink", type: "L", content: `${name}2\0` }
    const members = [{ name, content: "alpha" }, gnu, { name: `${"x".repeat(99)}/`, type: "0", content: "beta" }, old]
    const { root } = await extractBytes(folder.path, "tar", tarArchive(members))
    expect(tree(root)).to.deep.equal({
      ["x".repeat(99)]: "/",
      [name]: "alpha",
      [`${name}2`]: "beta",
      ["y".repeat(50)]: "/",
    })
  })

  it("tells of a member by the beginning of its name where that is very long", async () => {
    const archive = tarArchive([{ name: "x/".repeat(1000), type: "3" }])
    expect((await failure(extractBytes(folder.path, "tar", archive))).message).to.have.length.below(500)
  })

  it("reads what GNU tar writes", async () => {
    const source = temporaryFolder()
    try {
      execaSync(
        "sh",
        [
          "-c",
          'mkdir -p "x/$(printf %0150d 1)" && echo one > "x/$(printf %0150d 1)/f" && ln -s f x/l && echo two > x/f && ln x/f x/h',
        ],
        { cwd: source.path },
      )
      const bytes = execaSync("tar", ["-C", source.path, "-c", "x"], { encoding: "buffer" }).stdout
      const { root, files } = await extractBytes(folder.path, "tar", Buffer.from(bytes), { strip: "auto" })
      expect(tree(root)).to.include({ l: "-> f", f: "two\n", h: "two\n", [`${"0".repeat(149)}1/f`]: "one\n" })
      expect(files.map(({ path }) => path)).to.include.members(["f", "h"])
      expect(statSync(join(root, "f")).ino).to.equal(statSync(join(root, "h")).ino)
    } finally {
      source.remove()
    }
  })

  it("lets the last of several members with one name win, links included", async () => {
    const { root, files } = await extractBytes(
      folder.path,
      "tar",
      tarArchive([
        { name: "a", content: "first" },
        { name: "h", type: "1", linkname: "a" },
        { name: "a", content: "second" },
        { name: "l", type: "2", linkname: "a" },
        { name: "l", content: "file" },
        { name: "f", content: "file" },
        { name: "f", type: "2", linkname: "a" },
      ]),
    )
    expect(tree(root)).to.deep.equal({ a: "second", h: "first", l: "file", f: "-> a" })
    expect(files.map(({ path }) => path).sort()).to.deep.equal(["a", "h", "l"])
  })

  it("tells of members that strip gives the name of earlier ones", async () => {
    const archive = tarArchive([
      { name: "a/x", content: "of a" },
      { name: "a/y", content: "only" },
      { name: "b/x", content: "of b" },
    ])
    const events: ProgressEvent[] = []
    const { root } = await extractBytes(folder.path, "tar", archive, { strip: 1, events })
    expect(tree(root)).to.deep.equal({ x: "of b", y: "only" })
    expect(events.filter(({ phase }) => phase === "notice")).to.deep.equal([
      {
        phase: "notice",
        level: "warning",
        message:
          'org.example.thing: "strip" gives several members of "thing.tar" one name, of which only the last is kept: 1 was replaced, by "b/x"',
      },
    ])
  })

  it("tells nothing of a member that comes twice where strip gives all their own name", async () => {
    const archive = tarArchive([
      { name: "a/x", content: "old" },
      { name: "a/x", content: "new" },
    ])
    const events: ProgressEvent[] = []
    const { root } = await extractBytes(folder.path, "tar", archive, { strip: 1, events })
    expect(tree(root)).to.deep.equal({ x: "new" })
    expect(events.filter(({ phase }) => phase === "notice")).to.deep.equal([])
  })

  const hostile: [string, TarMember[], string][] = [
    ["parent", [{ name: "../evil", content: "x" }], "would be written outside the dataset's folder"],
    ["inner parent", [{ name: "a/../../evil", content: "x" }], "would be written outside the dataset's folder"],
    ["parent folder", [{ name: "../evil/" }], "would be written outside the dataset's folder"],
    [
      "pax parent",
      [paxRecords({ path: "../evil" }), { name: "a", content: "x" }],
      "would be written outside the dataset's folder",
    ],
    ["parent within", [{ name: "a/../b", content: "x" }], 'has ".." in its name'],
    ["pax NUL", [paxRecords({ path: "seen\0hidden" }), { name: "a", content: "x" }], "has a NUL character in its name"],
    [
      "pax NUL of a link",
      [paxRecords({ linkpath: "seen\0hidden" }), { name: "l", type: "2", linkname: "a" }],
      "has a NUL character in its name",
    ],
    ["absolute", [{ name: "/tmp/datamaestro-evil", content: "x" }], "has an absolute name"],
    ["drive letter", [{ name: "C:evil", content: "x" }], "has a drive letter in its name"],
    ["backslash", [{ name: "..\\evil", content: "x" }], "has a backslash in its name"],
    [
      "link up",
      [{ name: "l", type: "2", linkname: "../evil" }],
      "is a symbolic link that leads outside the dataset's folder",
    ],
    [
      "absolute link",
      [{ name: "l", type: "2", linkname: "/etc/passwd" }],
      "is a symbolic link with an absolute target",
    ],
    [
      "write through link",
      [
        { name: "l", type: "2", linkname: "sub" },
        { name: "l/evil", content: "x" },
      ],
      "would be written through a symbolic link of the same archive",
    ],
    [
      "link chain",
      [
        { name: "a/b/l", type: "2", linkname: "../.." },
        { name: "m", type: "2", linkname: "a/b/l/.." },
      ],
      "is a symbolic link that leads outside the dataset's folder",
    ],
    [
      "link circle",
      [
        { name: "a", type: "2", linkname: "b/x" },
        { name: "b", type: "2", linkname: "a/x" },
      ],
      "is a symbolic link that leads in a circle",
    ],
    [
      "hard link up",
      [{ name: "h", type: "1", linkname: "../archive" }],
      "would be written outside the dataset's folder",
    ],
    ["absolute hard link", [{ name: "h", type: "1", linkname: "/etc/passwd" }], "has an absolute name"],
    [
      "hard link ahead",
      [
        { name: "h", type: "1", linkname: "later" },
        { name: "later", content: "x" },
      ],
      "is a hard link to something that is no earlier file of the archive",
    ],
    [
      "hard link to a folder",
      [{ name: "d/" }, { name: "h", type: "1", linkname: "d" }],
      "is a hard link to something that is no earlier file of the archive",
    ],
    ["device", [{ name: "null", type: "3" }], "is a device or pipe (CharacterDevice)"],
    ["block device", [{ name: "sda", type: "4" }], "is a device or pipe (BlockDevice)"],
    ["fifo", [{ name: "pipe", type: "6" }], "is a device or pipe (FIFO)"],
    [
      "file below file",
      [
        { name: "f", content: "x" },
        { name: "f/g", content: "x" },
      ],
      "would be written below a file of the same archive",
    ],
    [
      "file over folder",
      [
        { name: "f/g", content: "x" },
        { name: "f", content: "x" },
      ],
      "has the name of a folder of the same archive",
    ],
    [
      "link over folder",
      [
        { name: "f/g", content: "x" },
        { name: "f", type: "2", linkname: "g" },
      ],
      "has the name of a folder of the same archive",
    ],
    [
      "names that became one",
      [
        { name: "x", rawName: Buffer.from([0xe4]), content: "windows-1252" },
        { name: "ä", content: "UTF-8" },
      ],
      "has a name that is not UTF-8 and cannot be told from another",
    ],
  ]
  for (const [name, members, reason] of hostile) {
    it(`refuses: ${name}`, async () => {
      const bytes = tarArchive([{ name: "good", content: "good" }, ...members, { name: "after", content: "after" }])
      const error = await failure(extractBytes(folder.path, "tar", bytes))
      expect(error.code).to.equal("UNSAFE_ARCHIVE")
      expect(error.exitStatus).to.equal(5)
      expect(error.message).to.contain('Cannot extract "thing.tar": member "').and.to.contain(reason)
      expect(tree(folder.path)).to.have.all.keys("archive")
      expect(existsSync("/tmp/datamaestro-evil")).to.equal(false)
    })
  }

  it("tells of a wanted hard link that its target is not wanted", async () => {
    const members = [
      { name: "t/f", content: "x" },
      { name: "t/h", type: "1", linkname: "t/f" },
    ]
    const error = await failure(
      extractBytes(folder.path, "tar", tarArchive(members), { strip: "auto", include: ["h"] }),
    )
    expect([error.code, error.message]).to.deep.equal([
      "BROKEN_DEFINITION",
      'Cannot extract "thing.tar": member "t/h" is a hard link to "t/f", which is not among the wanted members',
    ])
    const both = await extractBytes(folder.path, "tar", tarArchive(members), { strip: "auto", include: ["[fh]"] })
    expect(tree(both.root)).to.deep.equal({ f: "x", h: "x" })
  })

  it("keeps links that stay inside, also dangling ones, and those that auto's folder contains", async () => {
    const members = [
      { name: "t/d/f", content: "x" },
      { name: "t/d/up", type: "2", linkname: "../d/f" },
      { name: "t/gone", type: "2", linkname: "nowhere" },
    ]
    const { root } = await extractBytes(folder.path, "tar", tarArchive(members), { strip: "auto" })
    expect(tree(root)).to.deep.equal({ d: "/", "d/f": "x", "d/up": "-> ../d/f", gone: "-> nowhere" })
    folder.remove()
    folder = temporaryFolder()
    const out = [...members, { name: "t/escape", type: "2", linkname: "../t/d" }]
    const error = await failure(extractBytes(folder.path, "tar", tarArchive(out), { strip: "auto" }))
    expect(error.code).to.equal("UNSAFE_ARCHIVE")
  })

  it("refuses unknown members, as what no second download mends", async () => {
    for (const [members, reason] of [
      [[{ name: "s", type: "S", content: "x" }], 'is of type "S", which is not supported'],
      [[{ name: "s", type: "M", content: "x" }], 'is of type "M", which is not supported'],
      [[{ name: "s", type: "\n", content: "x" }], 'is of type "\\x0a", which is not supported'],
    ] as const) {
      const error = await failure(extractBytes(folder.path, "tar", tarArchive(members)))
      expect(error.code).to.equal("UNSUPPORTED_FORMAT")
      expect(error.message).to.equal(`Cannot extract "thing.tar": member "s" ${reason}`)
    }
  })

  it("passes over the label that tar -V writes", async () => {
    const members = [{ name: "Backup of 1999", type: "V" }, ...small]
    const { root } = await extractBytes(folder.path, "tar", tarArchive(members), { strip: "auto" })
    expect(existsSync(join(root, "a.txt"))).to.equal(true)
  })

  it("refuses what is no tar, and tells of double compression", async () => {
    const page = await failure(extractBytes(folder.path, "tar", Buffer.from("<html>Please log in</html>".repeat(50))))
    expect(page.code).to.be.oneOf(["CORRUPT", "TRUNCATED"])
    const noise = Buffer.alloc(10_240, Buffer.from([0xd3, 0x5a, 0xc6, 0x9b, 0xf1, 0x87]))
    const other = await failure(extractBytes(folder.path, "tar", noise))
    expect(other.message).to.equal('Cannot extract "thing.tar": it is no tar archive')
    const empty = await failure(extractBytes(folder.path, "tar", Buffer.alloc(0)))
    expect(empty.code).to.equal("TRUNCATED")
    const zeros = await failure(extractBytes(folder.path, "tar", Buffer.alloc(1_024_000)))
    expect(zeros.code).to.equal("CORRUPT")
    const twice = await failure(extractBytes(folder.path, "tar", gzipSync(tarGzArchive(small))))
    expect(twice.message).to.equal('Cannot extract "thing.tar": it is compressed twice')
    const brotli = await failure(extractBytes(folder.path, "tar", brotliCompressSync(tarArchive(small))))
    expect(brotli.exitStatus).to.equal(5)
  })

  it("names what it is instead of a tar, as what no second download mends", async () => {
    for (const [beginning, format] of [
      ["PK\x03\x04", "a zip archive"],
      ["7z\xbc\xaf\x27\x1c", "a 7z archive"],
      ["\x5d\x00\x00", "compressed with lzma"],
      ["x\x9c", "compressed with zlib"],
    ] as const) {
      for (const length of [20, 2000]) {
        const bytes = Buffer.alloc(length, 0xa7)
        bytes.write(beginning, "latin1")
        const error = await failure(extractBytes(folder.path, "tar", bytes))
        expect([error.code, error.message]).to.deep.equal([
          "UNSUPPORTED_FORMAT",
          `Cannot extract "thing.tar": it is ${format}, not a tar archive`,
        ])
      }
    }
  })

  it("takes a member whose name begins as another format does", async () => {
    const { root } = await extractBytes(folder.path, "tar", tarArchive([{ name: "LZIP/a.txt", content: "alpha" }]))
    expect(tree(root)).to.deep.equal({ LZIP: "/", "LZIP/a.txt": "alpha" })
  })

  it("tells of one without members, as what no second download mends", async () => {
    for (const bytes of [Buffer.alloc(1024), Buffer.alloc(10_240), gzipSync(Buffer.alloc(10_240))]) {
      const error = await failure(extractBytes(folder.path, "tar", bytes))
      expect([error.code, error.message]).to.deep.equal([
        "CONTENT_MISMATCH",
        'Cannot extract "thing.tar": it has no members',
      ])
    }
  })

  it("stops a decompression bomb", async () => {
    // zstd goes far beyond gzip's highest ratio.
    const zeros = tarArchive([{ name: "bomb", content: Buffer.alloc(140 * 1024 * 1024) }])
    const bytes = Buffer.from(
      execaSync("zstd", ["-q", "-c"], { input: zeros, encoding: "buffer", stripFinalNewline: false, maxBuffer: 1e9 })
        .stdout,
    )
    const error = await failure(extractBytes(folder.path, "tar", bytes))
    expect(error.code).to.equal("UNSAFE_ARCHIVE")
    expect(error.message).to.contain("decompression bomb")
  })

  it("refuses a member larger than the free space before writing it", async () => {
    const bytes = tarArchive([{ name: "huge", size: 0o77777777777, content: "x" }])
    const large = tarArchive([paxRecords({ size: String(2 ** 50) }), { name: "huge", content: "x" }])
    for (const archive of [large, bytes]) {
      const error = await failure(extractBytes(folder.path, "tar", archive))
      expect(error.code).to.be.oneOf(["NO_SPACE", "TRUNCATED"])
    }
    expect((await failure(extractBytes(folder.path, "tar", large))).code).to.equal("NO_SPACE")
  })

  it("notices a cut at every position, plain and gzipped", async function () {
    this.timeout(60_000)
    const plain = tarArchive([
      { name: "a", content: "x".repeat(100) },
      { name: "b/", mtime: 1 },
      { name: "b/c", content: "y" },
    ])
    const packed = gzipSync(plain)
    for (let length = 0; length < packed.length; length++) {
      const error = await failure(extractBytes(folder.path, "tar", packed.subarray(0, length)))
      expect(error.exitStatus, `gzip cut at ${length}`).to.equal(5)
    }
    for (let length = 0; length < plain.length - 512; length++) {
      const error = await failure(extractBytes(folder.path, "tar", plain.subarray(0, length)))
      expect(error.exitStatus, `plain cut at ${length}`).to.equal(5)
    }
  })

  it("takes a single block of zeros for the end mark, with a part of the next one or without, but nothing else there", async () => {
    const bytes = tarArchive(small)
    for (const length of [512, 500, 1]) {
      const { root } = await extractBytes(folder.path, "tar", bytes.subarray(0, bytes.length - length))
      expect(tree(root)).to.include({ "top/a.txt": "alpha", "top/deep/b.txt": "beta" })
      folder.remove()
      folder = temporaryFolder()
    }
    const more = Buffer.concat([bytes.subarray(0, bytes.length - 512), bytes.subarray(0, 300)])
    expect((await failure(extractBytes(folder.path, "tar", more))).code).to.equal("TRUNCATED")
  })

  it("tells that another archive follows its end, and takes zeros there for what fills its last record", async () => {
    const bytes = tarArchive(small)
    const [filled, joined] = [Buffer.alloc(300_000), tarArchive([{ name: "top/c.txt", content: "gamma" }])]
    for (const [rest, told] of [
      [filled, []],
      [joined, ['org.example.thing: what follows the end of "thing.tar" is left out, as by tar without -i']],
      [
        Buffer.concat([filled, joined]),
        ['org.example.thing: what follows the end of "thing.tar" is left out, as by tar without -i'],
      ],
    ] as const) {
      const events: ProgressEvent[] = []
      const { root } = await extractBytes(folder.path, "tar", gzipSync(Buffer.concat([bytes, rest])), { events })
      expect(tree(root)).to.include({ "top/a.txt": "alpha" }).and.not.have.property("top/c.txt")
      expect(events.flatMap((event) => (event.phase === "notice" ? [event.message] : []))).to.deep.equal(told)
      folder.remove()
      folder = temporaryFolder()
    }
  })

  it("accepts a missing end mark only in bytes that were verified", async () => {
    const bytes = tarArchive(small, { end: false })
    expect((await failure(extractBytes(folder.path, "tar", bytes))).code).to.equal("TRUNCATED")
    const { root } = await extractBytes(folder.path, "tar", bytes, { verified: true })
    expect(tree(root)).to.include({ "top/a.txt": "alpha" })
  })

  it("notices a flipped bit anywhere in a gzipped archive", async function () {
    this.timeout(60_000)
    const packed = tarGzArchive([{ name: "a", content: "some text, some more text" }])
    const expected = tree((await extractBytes(folder.path, "tar", packed)).root)
    for (let index = 0; index < packed.length; index++) {
      folder.remove()
      folder = temporaryFolder()
      const bytes = Buffer.from(packed)
      bytes[index] = (bytes[index] ?? 0) ^ 0x10
      const found = await extractBytes(folder.path, "tar", bytes).then(
        ({ root }) => tree(root),
        (error: { exitStatus: number }) => error.exitStatus,
      )
      // Header bytes such as the time stamp carry no content: then the result is the same.
      if (found !== 5) expect(found, `byte ${index}`).to.deep.equal(expected)
    }
  })

  it("ends at once when interrupted, and leaves nothing", async () => {
    const controller = new AbortController()
    const bytes = tarArchive(
      Array.from({ length: 3000 }, (_, index) => ({ name: `d/${index}`, content: "x".repeat(2000) })),
    )
    setTimeout(() => controller.abort(), 20)
    const error = await failure(extractBytes(folder.path, "tar", bytes, { signal: controller.signal }))
    expect(error.code).to.equal("INTERRUPTED")
    expect(existsSync(join(folder.path, "out"))).to.equal(false)
  })
})
