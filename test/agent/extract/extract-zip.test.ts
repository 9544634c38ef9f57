import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect } from "chai"
import { execaSync } from "execa"
import { extractBytes, failure, temporaryFolder, tree } from "../../fixtures/extraction.ts"
import { tarArchive, tarGzArchive } from "../../fixtures/tar-archive.ts"
import { zipArchive, type ZipMember } from "../../fixtures/zip-archive.ts"

describe("extracting zip", () => {
  let folder: ReturnType<typeof temporaryFolder>
  beforeEach(() => (folder = temporaryFolder()))
  afterEach(() => folder.remove())

  const small: ZipMember[] = [
    { name: "top/a.txt", content: "alpha ".repeat(100), mode: 0o100755 },
    { name: "top/deep/b.txt", content: "beta", stored: true },
    { name: "top/empty" },
  ]

  it("writes files, without needing folder entries, with execute bits and times", async () => {
    const { root, files } = await extractBytes(folder.path, "zip", zipArchive(small), { strip: "auto" })
    expect(tree(root)).to.deep.equal({ "a.txt": "alpha ".repeat(100), deep: "/", "deep/b.txt": "beta", empty: "" })
    expect(files.map(({ path, bytes }) => [path, bytes])).to.deep.equal([
      ["a.txt", 600],
      ["deep/b.txt", 4],
      ["empty", 0],
    ])
    expect(statSync(join(root, "a.txt")).mode & 0o100).to.equal(0o100)
    expect(statSync(join(root, "deep/b.txt")).mode & 0o111).to.equal(0)
    expect(statSync(join(root, "a.txt")).mtime.getFullYear()).to.equal(2020)
  })

  it("selects files, globs and a subpath in archives without folder entries (Python's defect 7)", async () => {
    const files = await extractBytes(folder.path, "zip", zipArchive(small), { strip: "auto", files: ["deep/b.txt"] })
    expect(tree(files.root)).to.deep.equal({ deep: "/", "deep/b.txt": "beta" })
    folder.remove()
    folder = temporaryFolder()
    const subpath = await extractBytes(folder.path, "zip", zipArchive(small), { strip: "auto", subpath: "top/deep" })
    expect(tree(subpath.root)).to.deep.equal({ "b.txt": "beta" })
    folder.remove()
    folder = temporaryFolder()
    const missing = await failure(extractBytes(folder.path, "zip", zipArchive(small), { strip: 1, files: ["c", "d"] }))
    expect(missing.message).to.equal('Cannot extract "thing.zip": it has no "c", "d", but "deep/b.txt"')
  })

  it("reads zip64, and members larger than what is inflated at once", async () => {
    const large = Buffer.alloc(9 * 1024 * 1024, "0123456789abcdef")
    const members = [
      { name: "large", content: large, zip64: true },
      { name: "stored", content: large, stored: true },
    ]
    const { files } = await extractBytes(folder.path, "zip", zipArchive(members, { zip64: true }))
    expect(files.map(({ bytes }) => bytes)).to.deep.equal([large.length, large.length])
    expect(files[0]?.sha256).to.equal(files[1]?.sha256)
  })

  it("reads what Info-ZIP writes, links included", async () => {
    execaSync(
      "sh",
      ["-c", "mkdir -p in/d && echo text > in/d/f && ln -s d/f in/l && chmod 700 in/d/f && zip -qry archive.zip in"],
      { cwd: folder.path },
    )
    const bytes = execaSync("cat", ["archive.zip"], { cwd: folder.path, encoding: "buffer" }).stdout
    const { root } = await extractBytes(folder.path, "zip", Buffer.from(bytes), { strip: "auto" })
    expect(tree(root)).to.deep.equal({ d: "/", "d/f": "text\n", l: "-> d/f" })
    expect(statSync(join(root, "d/f")).mode & 0o111).to.equal(0o100)
  })

  it("writes what Info-ZIP read from a pipe or a socket as the file that unzip makes of it", async () => {
    const piped = execaSync("sh", ["-c", "echo text | zip -q - -"], { encoding: "buffer" }).stdout
    const { root } = await extractBytes(folder.path, "zip", Buffer.from(piped))
    expect(tree(root)).to.deep.equal({ "-": "text\n" })
    folder.remove()
    folder = temporaryFolder()
    const socket = await extractBytes(folder.path, "zip", zipArchive([{ name: "-", content: "text", mode: 0o140600 }]))
    expect(tree(socket.root)).to.deep.equal({ "-": "text" })
  })

  it("reads what lies behind a program that extracts it, with offsets that count that or do not", async () => {
    for (const [bytes, all] of [
      [Buffer.concat([Buffer.from("#!/bin/sh\n".repeat(20_000)), zipArchive(small)]), small.length],
      [Buffer.concat([Buffer.from("MZ"), zipArchive([{ name: "a", content: "x", zip64: true }], { zip64: true })]), 1],
    ] as const) {
      const { files } = await extractBytes(folder.path, "zip", bytes)
      expect(files).to.have.length(all)
      folder.remove()
      folder = temporaryFolder()
    }
    writeFileSync(join(folder.path, "a.zip"), Buffer.concat([Buffer.from("#!/bin/sh\n"), zipArchive(small)]))
    execaSync("zip", ["-qA", "a.zip"], { cwd: folder.path })
    const { files } = await extractBytes(folder.path, "zip", readFileSync(join(folder.path, "a.zip")))
    expect(files).to.have.length(small.length)
  })

  it("reads one with a comment, also with one that holds what looks like its end", async () => {
    for (const comment of ["about it", "PK\x05\x06 ends a zip", `PK\x05\x06${"\0".repeat(18)}, too`]) {
      const bytes = Buffer.concat([zipArchive(small), Buffer.from(comment, "latin1")])
      bytes.writeUInt16LE(comment.length, bytes.length - comment.length - 2)
      const { files } = await extractBytes(folder.path, "zip", bytes)
      expect(files).to.have.length(small.length)
      folder.remove()
      folder = temporaryFolder()
    }
  })

  it("reads one that something was appended to, as unzip and Python do", async () => {
    for (const behind of ["\0".repeat(500), "\n", "<!-- served in 3 ms -->"]) {
      const { files } = await extractBytes(folder.path, "zip", Buffer.concat([zipArchive(small), Buffer.from(behind)]))
      expect(files).to.have.length(small.length)
      folder.remove()
      folder = temporaryFolder()
    }
  })

  it("does not take the zip in a zip that was cut behind it for the archive", async () => {
    const inner = { name: "inner.zip", content: zipArchive(small), stored: true }
    const whole = zipArchive([inner, { name: "next", content: "x".repeat(50), stored: true }])
    const end = 30 + inner.name.length + inner.content.length
    for (const length of [end, end + 1, end + 60]) {
      const error = await failure(extractBytes(folder.path, "zip", whole.subarray(0, length)))
      expect(error.exitStatus).to.equal(5)
    }
  })

  it("decodes names: UTF-8 with and without the flag, code page 437, backslashes of Windows", async () => {
    const members = [
      { name: "é1", content: "1" },
      { name: "é2", content: "2", flags: 0 },
      { name: "x", rawName: Buffer.from([0x82, 0x33]), content: "3", flags: 0 },
      { name: "dir\\file", content: "4" },
    ]
    const { root } = await extractBytes(folder.path, "zip", zipArchive(members))
    expect(tree(root)).to.deep.equal({ é1: "1", é2: "2", é3: "3", dir: "/", "dir/file": "4" })
  })

  const hostile: [string, ZipMember[], string][] = [
    ["parent", [{ name: "../evil", content: "x" }], "would be written outside the dataset's folder"],
    ["backslash parent", [{ name: "..\\evil", content: "x" }], "would be written outside the dataset's folder"],
    ["absolute", [{ name: "/tmp/datamaestro-evil", content: "x" }], "has an absolute name"],
    ["drive letter", [{ name: "C:\\evil", content: "x" }], "has a drive letter in its name"],
    ["NUL", [{ name: "a\0b", content: "x" }], "has a NUL character in its name"],
    [
      "link up",
      [{ name: "l", content: "../evil", mode: 0o120777 }],
      "is a symbolic link that leads outside the dataset's folder",
    ],
    [
      "write through a link",
      [
        { name: "l", content: "d", mode: 0o120777 },
        { name: "l/f", content: "x" },
      ],
      "would be written through a symbolic link of the same archive",
    ],
    [
      "endless link",
      [{ name: "l", content: "a".repeat(5000), mode: 0o120777 }],
      "is a symbolic link with a malformed target",
    ],
    ["device", [{ name: "d", mode: 0o020666 }], "is a device or pipe"],
    [
      "overlapping members",
      [
        { name: "a", content: Buffer.from(Array.from({ length: 9999 }, (_, i) => (i * 7919) % 251)) },
        ...Array.from({ length: 9 }, (_, i) => ({
          name: `c${i}`,
          content: Buffer.from(Array.from({ length: 9999 }, (_, j) => (j * 7919) % 251)),
          sharesDataOf: 1,
        })),
      ],
      'Cannot extract "thing.zip": its members overlap, as only in a decompression bomb',
    ],
  ]
  for (const [name, members, reason] of hostile) {
    it(`refuses: ${name}`, async () => {
      const error = await failure(
        extractBytes(folder.path, "zip", zipArchive([{ name: "good", content: "x" }, ...members])),
      )
      expect(error.code).to.equal("UNSAFE_ARCHIVE")
      expect(error.message).to.contain(reason)
      expect(tree(folder.path)).to.have.all.keys("archive")
      expect(existsSync("/tmp/datamaestro-evil")).to.equal(false)
    })
  }

  it("tells of one without members", async () => {
    const error = await failure(extractBytes(folder.path, "zip", zipArchive([])))
    expect([error.code, error.message]).to.deep.equal([
      "CONTENT_MISMATCH",
      'Cannot extract "thing.zip": it has no members',
    ])
  })

  it("names what it is instead of a zip, as what no second download mends", async () => {
    for (const [bytes, format] of [
      [tarArchive([{ name: "a.txt", content: "alpha" }]), "a tar archive"],
      [tarGzArchive([{ name: "a.txt", content: "alpha" }]), "compressed with gzip"],
    ] as const) {
      const error = await failure(extractBytes(folder.path, "zip", bytes))
      expect([error.code, error.message]).to.deep.equal([
        "UNSUPPORTED_FORMAT",
        `Cannot extract "thing.zip": it is ${format}, not a zip archive`,
      ])
    }
    const split = zipArchive(small)
    split.writeUInt16LE(2, split.length - 22 + 4)
    const error = await failure(extractBytes(folder.path, "zip", split))
    expect([error.code, error.message]).to.deep.equal([
      "UNSUPPORTED_FORMAT",
      'Cannot extract "thing.zip": it is the end of a zip that was split into several files (.z01, .z02…)',
    ])
  })

  it("reads all members where the end counts too few, as of more than 65535 without zip64", async () => {
    for (const [before, count] of [
      ["", 0],
      ["", 2],
      ["#!/bin/sh\n", 1],
    ] as const) {
      const bytes = zipArchive(small)
      bytes.writeUInt16LE(count, bytes.length - 22 + 10)
      const { files } = await extractBytes(folder.path, "zip", Buffer.concat([Buffer.from(before), bytes]))
      expect(files.map(({ path }) => path)).to.deep.equal(["top/a.txt", "top/deep/b.txt", "top/empty"])
      folder.remove()
      folder = temporaryFolder()
    }
  })

  it("refuses encryption and unknown methods by name", async () => {
    const encrypted = await failure(
      extractBytes(folder.path, "zip", zipArchive([{ name: "a", content: "x", flags: 1, stored: true }])),
    )
    expect([encrypted.code, encrypted.message]).to.deep.equal([
      "UNSUPPORTED_FORMAT",
      'Cannot extract "thing.zip": member "a" is encrypted',
    ])
    const method = await failure(
      extractBytes(folder.path, "zip", zipArchive([{ name: "a", content: "x", method: 14 }])),
    )
    expect(method.message).to.contain("is compressed by method 14")
  })

  it("reads members that Windows, 7-Zip, bzip2 and zstd have packed, and checks them", async () => {
    const words = "some words\n".repeat(20)
    // As 7z -mm=Deflate64 and -mm=BZip2, and zstd, pack it.
    const packings = [
      { method: 9, packed: "K87PTVUozy9KKeYadkwA" },
      { method: 12, packed: "QlpoOTFBWSZTWTNEm4sAAFpRgAAQQAAGApiAIABQgGAKVQ0eUwnCYT4mE4TSdk0mE0n4u5IpwoSBmiTcWA==" },
      { method: 93, packed: "KLUv/QBYlQAAWHNvbWUgd29yZHMKAQBOU8UL" },
    ]
    const renew = (): void => {
      folder.remove()
      folder = temporaryFolder()
    }
    for (const { method, packed } of packings) {
      const member = { name: "a", content: words, method, packed: Buffer.from(packed, "base64") }
      const { root } = await extractBytes(folder.path, "zip", zipArchive([member, { name: "b", content: "x" }]))
      expect(tree(root), String(method)).to.deep.equal({ a: words, b: "x" })
      renew()
      const wrong = await failure(extractBytes(folder.path, "zip", zipArchive([{ ...member, crc: 1 }])))
      expect(wrong.message).to.equal('Cannot extract "thing.zip" at member "a": its CRC-32 does not match')
      renew()
      const cut = { ...member, packed: member.packed.subarray(0, 12) }
      expect((await failure(extractBytes(folder.path, "zip", zipArchive([cut])))).code).to.equal("TRUNCATED")
      renew()
    }
  })

  it("takes what is wanted of an archive whose other members it cannot read", async () => {
    const members = [
      { name: "locked", content: "x", flags: 1, stored: true, size: 13 },
      { name: "safe", content: "x", flags: 0x41, stored: true, size: 13 },
      { name: "lzma", content: "x", method: 14 },
      { name: "link", content: "x", method: 14, mode: 0o120777 },
      { name: "plain", content: "text" },
    ]
    for (const selection of [{ include: ["p*"] }, { files: ["plain"] }]) {
      const { root } = await extractBytes(folder.path, "zip", zipArchive(members), selection)
      expect(tree(root)).to.deep.equal({ plain: "text" })
      folder.remove()
      folder = temporaryFolder()
    }
    const error = await failure(extractBytes(folder.path, "zip", zipArchive(members), { include: ["p*", "lzma"] }))
    expect(error.code).to.equal("UNSUPPORTED_FORMAT")
    expect(error.message).to.contain('member "lzma" is compressed by method 14')
    const safe = await failure(extractBytes(folder.path, "zip", zipArchive(members), { files: ["safe"] }))
    expect([safe.code, safe.message]).to.deep.equal([
      "UNSUPPORTED_FORMAT",
      'Cannot extract "thing.zip": member "safe" is encrypted',
    ])
    expect(existsSync(join(folder.path, "out"))).to.equal(false)
  })

  it("checks CRC and sizes, of small and large members", async () => {
    for (const content of ["text ".repeat(50), Buffer.alloc(9_000_000, "text ")]) {
      const crc = await failure(extractBytes(folder.path, "zip", zipArchive([{ name: "a", content, crc: 7 }])))
      expect([crc.code, crc.message]).to.deep.equal([
        "CORRUPT",
        'Cannot extract "thing.zip" at member "a": its CRC-32 does not match',
      ])
      const more = await failure(
        extractBytes(folder.path, "zip", zipArchive([{ name: "a", content, size: content.length - 1 }])),
      )
      expect(more.message).to.contain(`more than the declared ${content.length - 1} bytes`)
      const fewer = await failure(
        extractBytes(folder.path, "zip", zipArchive([{ name: "a", content, size: content.length + 1 }])),
      )
      expect(fewer.message).to.contain(`${content.length + 1} are declared`)
    }
  })

  it("refuses a member that declares more than the free space", async () => {
    const error = await failure(
      extractBytes(
        folder.path,
        "zip",
        zipArchive([{ name: "a", content: "x".repeat(99999), size: 2 ** 50, zip64: true }], { zip64: true }),
      ),
    )
    expect(error.exitStatus).to.be.oneOf([5, 6])
    expect(error.code).to.be.oneOf(["UNSAFE_ARCHIVE", "NO_SPACE"])
  })

  it("notices a cut at every position", async function () {
    this.timeout(60_000)
    const bytes = zipArchive(small)
    for (let length = 0; length < bytes.length; length++) {
      const error = await failure(extractBytes(folder.path, "zip", bytes.subarray(0, length)))
      expect(error.exitStatus, `cut at ${length}`).to.equal(5)
    }
  })

  it("ends with the right content or an error of the archive for a flipped bit anywhere", async function () {
    this.timeout(60_000)
    const bytes = zipArchive(small)
    const contents = new Set(["alpha ".repeat(100), "beta", "", "/"])
    for (let index = 0; index < bytes.length * 8; index += 3) {
      folder.remove()
      folder = temporaryFolder()
      const flipped = Buffer.from(bytes)
      flipped[index >> 3] = (flipped[index >> 3] ?? 0) ^ (1 << (index & 7))
      const found = await extractBytes(folder.path, "zip", flipped).then(
        ({ root }) => Object.values(tree(root)),
        (error: { exitStatus?: number; stack?: string }) => error.exitStatus ?? error.stack,
      )
      if (!Array.isArray(found)) expect(found, `bit ${index}`).to.be.oneOf([5, 6])
      else
        for (const text of found)
          expect(contents.has(text) || text.startsWith("-> "), `bit ${index}: ${text}`).to.equal(true)
    }
  })
})
