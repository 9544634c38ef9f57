import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { Readable } from "node:stream"
import type { CopiedResource } from "@datamaestro/protocol"
import { defineDataset, folder, tar } from "@datamaestro/dataset"
import { expect } from "chai"
import type { CopyReader } from "../../../packages/agent/src/copy/copy-reader.ts"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { failure, temporaryFolder, tree } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved, writeFiles } from "../../fixtures/preparation.ts"

const contents: Record<string, string> = { "a.txt": "alpha", "sub/b.txt": "beta" }
const fileOf = (path: string, content: string) => ({
  path,
  bytes: content.length,
  sha256: createHash("sha256").update(content).digest("hex"),
})

describe("a dataset that is copied from another machine", () => {
  let home: ReturnType<typeof temporaryFolder>
  let root: string
  beforeEach(() => {
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
  const copy = async (given: Partial<CopiedResource>): Promise<void> => {
    const reader = {
      resource: () => Promise.resolve(copied(given)),
      file: (_: object, path: string, offset: number) =>
        Promise.resolve(Readable.from([Buffer.from((contents[path] ?? "").slice(offset))])),
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
