import { execFileSync, spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from "node:fs"
import promises from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { Readable } from "node:stream"
import { setTimeout as sleep } from "node:timers/promises"
import type { CopiedResource } from "@datamaestro/protocol"
import { defineDataset, folder, tar } from "@datamaestro/dataset"
import { expect } from "chai"
import type { CopyReader } from "../../../packages/agent/src/copy/copy-reader.ts"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { failure, temporaryFolder, tree } from "../../fixtures/extraction.ts"
import { knownPace, type KnownPace } from "../../fixtures/known-pace.ts"
import { prepareOptions, resolved, writeFiles } from "../../fixtures/preparation.ts"

let contents: Record<string, string>
const fileOf = (path: string, content: string) => ({
  path,
  bytes: content.length,
  sha256: createHash("sha256").update(content).digest("hex"),
})

describe("a dataset that is copied from another machine", () => {
  let home: ReturnType<typeof temporaryFolder>
  let root: string
  beforeEach(() => {
    contents = { "a.txt": "alpha", "sub/b.txt": "beta" }
    home = temporaryFolder()
    root = join(home.path, "data/test/org/example/thing")
    writeFiles(join(home.path, "data/test/org/example"), { "other/x.txt": "another dataset's" })
  })
  afterEach(() => home.remove())

  const copied = (given: Partial<CopiedResource> = {}): CopiedResource => ({
    entries: ["a.txt", "sub"],
    files: Object.entries(contents).map(([path, content]) => fileOf(path, content)),
    links: [],
    folders: [],
    ...given,
  })
  /** Which files were asked for, from where on in the first one. */
  let asked: [paths: readonly string[], from: number][]
  const bytesOf = (paths: readonly string[], from: number): Buffer =>
    Buffer.from(paths.map((path) => contents[path] ?? "").join("")).subarray(from)
  const copy = async (
    given: Partial<CopiedResource>,
    send: (bytes: Buffer) => Iterable<Buffer> = (bytes) => [bytes],
  ): Promise<void> => {
    asked = []
    const reader = {
      resource: () => Promise.resolve(copied(given)),
      files: (_: object, paths: readonly string[], from: number) => {
        asked.push([paths, from])
        return Promise.resolve(Readable.from(send(bytesOf(paths, from))))
      },
    } as unknown as CopyReader
    const definition = defineDataset({
      id: "org.example.thing",
      resources: { data: tar("https://example.org/thing.tar") },
      describe: ({ data }) => folder(data),
    })
    await prepareDataset(resolved(definition), prepareOptions(home.path, { copy: reader }))
  }

  it("has the files, links and folders that it has there", async () => {
    await copy({
      entries: ["a.txt", "sub", "empty", "deep"],
      links: [
        { path: "sub/up", to: "../a.txt" },
        { path: "deep/er/here", to: ".." },
      ],
      folders: ["empty"],
    })
    expect(readFileSync(join(root, "sub/b.txt"), "utf8")).to.equal("beta")
    expect(readFileSync(join(root, "sub/up"), "utf8")).to.equal("alpha")
    expect(readlinkSync(join(root, "deep/er/here"))).to.equal("..")
    expect(statSync(join(root, "empty")).isDirectory()).to.equal(true)
  })

  it("goes on with what an earlier run brought", async () => {
    mkdirSync(join(root, ".downloads/data.copied/sub"), { recursive: true })
    writeFiles(join(root, ".downloads/data.copied"), { "a.txt": "al", "sub/b.txt": "xxxx" })
    await copy({})
    expect(readFileSync(join(root, "a.txt"), "utf8")).to.equal("alpha")
    expect(readFileSync(join(root, "sub/b.txt"), "utf8")).to.equal("beta")
    expect(asked).to.deep.equal([
      [["a.txt"], 2],
      [["sub/b.txt"], 0],
    ])
  })

  it("takes nothing that is there as it is, but what has the sum that it has over there", async () => {
    writeFiles(root, { "a.txt": "alpha", "sub/b.txt": "beto", "sub/mine.txt": "mine" })
    await copy({})
    expect(asked).to.deep.equal([[["sub/b.txt"], 0]])
    expect(tree(root)).to.include({ "a.txt": "alpha", "sub/b.txt": "beta", "sub/mine.txt": "mine" })
    const { resources } = JSON.parse(readFileSync(join(root, ".manifest.json"), "utf8"))
    expect(resources.data.files).to.have.deep.members([fileOf("a.txt", "alpha"), fileOf("sub/b.txt", "beta")])
  })

  it("never writes to what is at its place, of which an earlier run kept a second name", async () => {
    writeFiles(root, { "a.txt": "alpha" })
    mkdirSync(join(root, ".downloads/data.copied"), { recursive: true })
    linkSync(join(root, "a.txt"), join(root, ".downloads/data.copied/a.txt"))
    contents["a.txt"] = "alphabet"
    const held = openSync(join(root, "a.txt"), "r")
    await copy({})
    expect(readFileSync(held, "utf8")).to.equal("alpha")
    closeSync(held)
    expect(readFileSync(join(root, "a.txt"), "utf8")).to.equal("alphabet")
  })

  it("asks for many small files at once, however their bytes come", async () => {
    const many = Array.from({ length: 300 }, (_, index) => fileOf(`sub/${index}`, index % 3 === 0 ? "" : `${index}`))
    for (const { path } of many) contents[path] = Number(path.slice(4)) % 3 === 0 ? "" : path.slice(4)
    const inPieces = function* (bytes: Buffer): Generator<Buffer> {
      for (let at = 0; at < bytes.length; at += 5) yield bytes.subarray(at, at + 5)
    }
    await copy({ entries: ["sub"], files: many }, inPieces)
    expect(asked.map(([paths]) => paths.length)).to.have.members([256, 44])
    for (const { path } of many) expect(readFileSync(join(root, path), "utf8"), path).to.equal(contents[path])
  })

  it("keeps the whole files of those that were asked for at once, and the beginning of a large one that was cut", async () => {
    const large = Buffer.alloc(300_000, "0123456789").toString()
    Object.assign(contents, { "sub/c.txt": large })
    const files = Object.entries(contents).map(([path, content]) => fileOf(path, content))
    const cutAt = (length: number) =>
      function* (bytes: Buffer): Generator<Buffer> {
        yield bytes.subarray(0, length)
        throw Object.assign(new Error("cut"), { code: "CONNECTION_LOST" })
      }
    expect(await failure(copy({ files }, cutAt(7)))).to.have.property("code", "CONNECTION_LOST")
    expect(await failure(copy({ files }, cutAt(1004)))).to.have.property("code", "CONNECTION_LOST")
    expect(asked).to.deep.equal([[["sub/b.txt", "sub/c.txt"], 0]])
    await copy({ files })
    expect(asked).to.deep.equal([[["sub/c.txt"], 1000]])
    expect(readFileSync(join(root, "sub/b.txt"), "utf8")).to.equal("beta")
    expect(readFileSync(join(root, "sub/c.txt"), "utf8")).to.equal(large)
  })

  it("is refused where a file has become shorter over there, or another", async () => {
    for (const send of [(bytes: Buffer) => [bytes.subarray(1)], (bytes: Buffer) => [Buffer.alloc(bytes.length)]]) {
      const error = await failure(copy({}, send))
      expect(error).to.include({ code: "CHECKSUM_MISMATCH", exitStatus: 5 })
      expect(existsSync(join(root, "a.txt"))).to.equal(false)
    }
  })

  for (const slow of [false, true]) {
    describe(`onto storage that is ${slow ? "slow" : "quick"}`, () => {
      let pace: KnownPace
      beforeEach(() => (pace = knownPace(slow)))
      afterEach(() => pace.restore())

      it("is written synchronously only where that is quick", async () => {
        writeFiles(join(root, ".downloads/data.copied"), { "a.txt": "", "sub/b.txt": "longer" })
        await copy({})
        expect(readFileSync(join(root, "a.txt"), "utf8")).to.equal("alpha")
        expect(readFileSync(join(root, "sub/b.txt"), "utf8")).to.equal("beta")
        expect(pace.synchronous).to.equal(slow ? 0 : 2)
      })

      it("tells that the disk is full as what it is", async function () {
        mkdirSync(root, { recursive: true })
        const mount = ["-t", "tmpfs", "-o", "size=64k", "datamaestro-test", root]
        if (spawnSync("mount", mount).status !== 0) return this.skip()
        try {
          contents["a.txt"] = "a".repeat(200_000)
          const error = await failure(copy({ files: [fileOf("a.txt", contents["a.txt"])], entries: ["a.txt"] }))
          expect(error).to.include({ code: "NO_SPACE", exitStatus: 6 })
        } finally {
          execFileSync("umount", ["-l", root])
        }
      })
    })
  }

  it("is written many files at once where storage is slow", async () => {
    const { writeFile } = promises
    const pace = knownPace(true)
    const waiting: (() => void)[] = []
    // None is written before another one is, too.
    promises.writeFile = async (path, ...file) => {
      const copied = typeof path === "string" && path.includes(".copied/")
      if (copied) {
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
          if (waiting.length > 1) for (const next of waiting) next()
        })
        await sleep(20)
      }
      await writeFile(path, ...file)
    }
    syncBuiltinESMExports()
    try {
      // Several runs of files that are asked for at once.
      const files = Array.from({ length: 18 }, (_, index) => `sub/${index}`)
      contents = Object.fromEntries(files.map((path) => [path, path.repeat(20_000)]))
      await copy({ entries: ["sub"] })
      for (const path of files) expect(readFileSync(join(root, path), "utf8")).to.equal(contents[path])
      expect(waiting).to.have.length(files.length)
    } finally {
      pace.restore()
      promises.writeFile = writeFile
      syncBuiltinESMExports()
    }
  })

  it("writes through no link that an earlier run left", async () => {
    const kept = join(root, ".downloads/data.copied")
    mkdirSync(kept, { recursive: true })
    symlinkSync("../../../other", join(kept, "sub"))
    await copy({})
    expect(readFileSync(join(root, "sub/b.txt"), "utf8")).to.equal("beta")
    expect(tree(join(home.path, "data/test/org/example/other"))).to.deep.equal({ "x.txt": "another dataset's" })
  })

  const outside: [string, Partial<CopiedResource>][] = [
    ["a file", { files: [fileOf("../../evil", "x")] }],
    ["a file, by an absolute path", { files: [fileOf("/tmp/evil", "x")] }],
    ["the folder itself as a file", { files: [fileOf("sub/..", "x")] }],
    ["a link", { links: [{ path: "../../evil", to: "a.txt" }] }],
    ["a link's target", { links: [{ path: "sub/l", to: "../../evil" }] }],
    ["a link's absolute target", { links: [{ path: "sub/l", to: "/etc/passwd" }] }],
    [
      "a link's target, through another link",
      {
        links: [
          { path: "sub/deep/root", to: "../.." },
          { path: "l", to: "sub/deep/root/../evil" },
        ],
      },
    ],
    [
      "a link behind another one",
      {
        links: [
          { path: "sub/deep/root", to: "../.." },
          { path: "sub/deep/root/l", to: "../../evil" },
        ],
      },
    ],
    [
      "two links of one name",
      {
        links: [
          { path: "l", to: "../.." },
          { path: "l", to: "sub" },
        ],
      },
    ],
    ["a file behind a link", { files: [fileOf("l/evil", "x")], links: [{ path: "l", to: "sub" }] }],
    ["a folder", { folders: ["../../../evil"] }],
    ["an entry", { entries: ["a.txt", "sub", "../../../../other"] }],
    ["the whole folder as an entry", { entries: ["."] }],
  ]
  for (const [what, given] of outside) {
    it(`is refused where the other machine leads out of its folder: ${what}`, async () => {
      const before = tree(join(home.path, "data/test/org/example/other"))
      const error = await failure(copy(given))
      expect(error).to.include({ code: "UNSAFE_ARCHIVE", exitStatus: 5 })
      expect(error.message).to.match(
        /^Cannot copy ".*": it (leads out of|is a symbolic link|goes through|may be one of)/,
      )
      expect(tree(join(home.path, "data/test/org/example/other"))).to.deep.equal(before)
      for (const path of ["evil", "data/evil", "data/test/evil", "data/test/org/evil", "data/test/org/example/evil"]) {
        expect(existsSync(join(home.path, path)), path).to.equal(false)
      }
      expect(existsSync(join(root, "a.txt"))).to.equal(false)
    })
  }
})
