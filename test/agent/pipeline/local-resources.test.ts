import {
  datafolderPath,
  defineDataset,
  folder,
  linkFile,
  linkFolder,
  links,
  manual,
  md5,
  reference,
  step,
  textFile,
  type Resources,
} from "@datamaestro/dataset"
import { expect } from "chai"
import { createHash } from "node:crypto"
import { existsSync, lstatSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs"
import { mkdir, readdir } from "node:fs/promises"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { planWork, prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { verifyDataset } from "../../../packages/agent/src/pipeline/verify-dataset.ts"
import type { PrepareOptions } from "../../../packages/agent/src/pipeline/preparation.ts"
import { failure, temporaryFolder } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved, thingOf, writeFiles } from "../../fixtures/preparation.ts"
import { zipArchive } from "../../fixtures/zip-archive.ts"

const sum = (text: string): string => createHash("md5").update(text).digest("hex")

describe("resources that are no download", () => {
  let home: ReturnType<typeof temporaryFolder>
  let disks: string
  let root: string
  beforeEach(() => {
    home = temporaryFolder()
    disks = join(home.path, "disks")
    root = join(home.path, "data/test/org/example/thing")
  })
  afterEach(() => home.remove())

  const prepare = async (resources: Resources, given: Partial<PrepareOptions> = {}) => {
    const options = prepareOptions(home.path, { datafolders: { disks }, ...given })
    await prepareDataset(thingOf(resources), options)
    return options
  }

  describe("linkFolder", () => {
    // Sorted by parts: "a/2.gz" comes before "a-b/1", the other way than as plain text.
    const check = { glob: "*/*", md5: sum(sum("two") + sum("one")) }
    beforeEach(() => {
      writeFiles(disks, { "AP/a-b/1": "one", "AP/a/2.gz": gzipSync("two"), "AP/README": "", "AP/a/deeper/3": "three" })
    })

    it("links to the data folder once its content is verified, and holds on to it", async () => {
      const resources = { documents: linkFolder(datafolderPath("disks", "AP"), { check }) }
      await prepare(resources)
      expect(readlinkSync(join(root, "documents"))).to.equal(join(disks, "AP"))
      expect(readFileSync(join(root, "documents/a-b/1"), "utf8")).to.equal("one")
      writeFiles(disks, { "AP/a-b/1": "changed later" })
      const again = await prepare(resources, { download: false })
      expect(again.events).to.deep.equal([{ phase: "dataset", dataset: "org.example.thing", state: "present" }])
    })

    it("follows the data folder to where the settings have it now, also while the former place is there", async () => {
      const elsewhere = join(home.path, "elsewhere")
      writeFiles(elsewhere, { "AP/1": "one" })
      const resources = { documents: linkFolder(datafolderPath("disks", "AP")) }
      await prepare(resources)
      const moved = { ...prepareOptions(home.path), datafolders: { disks: elsewhere }, mirrors: undefined }
      expect((await planWork(thingOf(resources), moved)).work[0]).to.include({ action: "make" })
      await prepare(resources, { datafolders: { disks: elsewhere } })
      expect(readlinkSync(join(root, "documents"))).to.equal(join(elsewhere, "AP"))
      // What is not set any more may be where it was.
      const { events } = await prepare(resources, { datafolders: {} })
      expect(events).to.deep.equal([{ phase: "dataset", dataset: "org.example.thing", state: "present" }])
    })

    it("links where nothing may be downloaded, as nothing is", async () => {
      await prepare({ documents: linkFolder(datafolderPath("disks", "AP")) }, { download: false })
      expect(readlinkSync(join(root, "documents"))).to.equal(join(disks, "AP"))
    })

    it("refuses other content, and links to nothing then", async () => {
      writeFiles(disks, { "AP/a-b/1": "another" })
      const error = await failure(prepare({ documents: linkFolder(datafolderPath("disks", "AP"), { check }) }))
      expect(error).to.have.property("code", "CHECKSUM_MISMATCH")
      expect(error.message).to.contain("AP/*/*")
      expect(error.hint).to.contain("compare it with the original")
      expect(existsSync(join(root, "documents"))).to.equal(false)
    })

    it("takes the first place that is there", async () => {
      await prepare({
        a: linkFolder([datafolderPath("nowhere", "x"), datafolderPath("disks", "gone"), join(disks, "AP")]),
      })
      expect(readlinkSync(join(root, "a"))).to.equal(join(disks, "AP"))
    })

    it("says which data folder to set, and what must be in it", async () => {
      const resources = { documents: linkFolder(datafolderPath("org.tapes", "Disk1/AP")) }
      const error = await failure(prepare(resources))
      expect(error).to.have.property("code", "DATAFOLDER_MISSING")
      expect(error.hint).to.contain("datafolders set org.tapes PATH").and.contain("PATH/Disk1/AP")
      const elsewhere = await failure(prepare(resources, { datafolders: { "org.tapes": "tapes" } }))
      expect(elsewhere.message).to.contain(join(home.path, "tapes/Disk1/AP"))
    })

    it("links anew when what it led to is gone", async () => {
      const resources = { documents: linkFolder(datafolderPath("disks", "AP"), { check }) }
      await prepare(resources)
      const moved = join(home.path, "moved")
      renameSync(disks, moved)
      expect(await failure(prepare(resources))).to.have.property("code", "DATAFOLDER_MISSING")
      await prepare(resources, { datafolders: { disks: moved } })
      expect(readlinkSync(join(root, "documents"))).to.equal(join(moved, "AP"))
    })

    it("takes over a link that was there", async () => {
      await mkdir(root, { recursive: true })
      symlinkSync(join(disks, "AP"), join(root, "documents"))
      const { events } = await prepare({ documents: linkFolder(datafolderPath("disks", "AP")) })
      expect(events).to.deep.include({ phase: "dataset", dataset: "org.example.thing", state: "adopted" })
    })

    it("is an input of steps", async () => {
      await prepare({
        documents: linkFolder(datafolderPath("disks", "AP")),
        names: step({
          from: ["documents"],
          name: "names.txt",
          run: async ({ input, output }) => writeFiles(output, { list: (await readdir(input.documents)).join() }),
        }),
      })
      expect(readFileSync(join(root, "names.txt/list"), "utf8").split(",")).to.have.members(["README", "a", "a-b"])
    })
  })

  it("linkFile links to a file of the right sum, and to no folder", async () => {
    writeFiles(disks, { "one.txt": "one", "dir/x": "" })
    const resources = {
      words: linkFile(["/nowhere/one.txt", datafolderPath("disks", "one.txt")], { integrity: md5(sum("one")) }),
    }
    await prepare(resources)
    expect(readFileSync(join(root, "words"), "utf8")).to.equal("one")
    const other = await failure(prepare({ other: linkFile(datafolderPath("disks", "dir")) }))
    expect(other.code).to.equal("DATAFOLDER_MISSING")
    expect(other.message).to.equal(`Cannot prepare "org.example.thing": there is no file at "${join(disks, "dir")}"`)
    const wrong = linkFile(datafolderPath("disks", "one.txt"), { integrity: md5(sum("two")) })
    expect(await failure(prepare({ wrong }))).to.have.property("code", "CHECKSUM_MISMATCH")
  })

  describe("links", () => {
    it("make a folder of several datasets, which moves with the data directory", async () => {
      writeFiles(disks, { "AP/1": "ap", "WSJ/1": "wsj" })
      const part = (name: string) =>
        defineDataset({
          id: `org.example.tapes.${name.toLowerCase()}`,
          resources: { documents: linkFolder(datafolderPath("disks", name)) },
          describe: ({ documents }) => folder(documents),
        })
      const resources = {
        ap: reference(part("AP")),
        wsj: reference(part("WSJ")),
        documents: links(["ap", "wsj"]),
      }
      const dataset = resolved(
        defineDataset({
          id: "org.example.thing",
          resources,
          describe: ({ documents }) => folder(documents),
        }),
      )
      await prepareDataset(dataset, prepareOptions(home.path, { datafolders: { disks } }))
      expect(readFileSync(join(root, "documents/ap/documents/1"), "utf8")).to.equal("ap")
      expect(readFileSync(join(root, "documents/wsj/documents/1"), "utf8")).to.equal("wsj")
      expect(readlinkSync(join(root, "documents/ap"))).to.match(/^\.\.\//)

      renameSync(join(home.path, "data"), join(home.path, "elsewhere"))
      const moved = join(home.path, "elsewhere/test/org/example/thing/documents/wsj/documents/1")
      expect(readFileSync(moved, "utf8")).to.equal("wsj")
      renameSync(join(home.path, "elsewhere"), join(home.path, "data"))

      // A link that leads nowhere is made anew, others' folders stay untouched.
      rmSync(join(root, "documents/ap"))
      await prepareDataset(dataset, prepareOptions(home.path, { datafolders: { disks } }))
      expect(lstatSync(join(root, "documents/ap")).isSymbolicLink()).to.equal(true)
      expect(readFileSync(join(root, "documents/ap/documents/1"), "utf8")).to.equal("ap")
      await prepareDataset(dataset, prepareOptions(home.path, { datafolders: { disks }, force: true }))
      expect(readFileSync(join(disks, "AP/1"), "utf8")).to.equal("ap")
    })
  })

  describe("manual", () => {
    const page = "https://example.org/form"
    const archive = zipArchive([{ name: "corpus/a.txt", content: "a" }])

    it("says what to fetch from where and where to put it, and takes it afterwards", async () => {
      const resources = { pictures: manual(page, { instructions: "ask for the pictures of 2012" }) }
      for (const attempt of [1, 2]) {
        const error = await failure(prepare(resources))
        expect(error.code).to.equal("MANUAL_DOWNLOAD", `attempt ${attempt}`)
        expect(error.message).to.contain(page)
        expect(error.hint).to.contain("ask for the pictures").and.contain(join(root, "pictures"))
      }
      await mkdir(join(root, "pictures"))
      expect(await failure(prepare(resources))).to.have.property("code", "MANUAL_DOWNLOAD")
      writeFiles(root, { "pictures/a/1.jpg": "jpg" })
      await prepare(resources)
      const { events } = await prepare(resources)
      expect(events).to.deep.equal([{ phase: "dataset", dataset: "org.example.thing", state: "present" }])
    })

    it("extracts an archive that a person put there, and keeps it", async () => {
      const resources = { corpus: manual(page, { name: "Corpus.zip", unpack: "zip" }) }
      expect((await failure(prepare(resources))).hint).to.contain(join(root, "Corpus.zip"))
      writeFiles(root, { "Corpus.zip": archive })
      await prepare(resources)
      expect(readFileSync(join(root, "corpus/a.txt"), "utf8")).to.equal("a")
      expect(existsSync(join(root, "Corpus.zip"))).to.equal(true)
      const work = await planWork(thingOf(resources), {
        ...prepareOptions(home.path),
        datafolders: {},
        mirrors: undefined,
      })
      expect(work.work[0]).to.include({ kind: "manual", action: "none" })
      const { signal, progress, paths } = prepareOptions(home.path)
      expect(await verifyDataset(thingOf(resources), { paths, signal, progress })).to.deep.include({
        sound: 1,
        added: [],
      })
    })

    it("tells how far it is with a file of which no sum is declared", async () => {
      const resources = { words: manual(page, { name: "words.txt" }) }
      await failure(prepare(resources))
      writeFiles(root, { "words.txt": "words" })
      const { events } = await prepare(resources)
      const bytes = Buffer.byteLength("words")
      const told = { phase: "verify", dataset: "org.example.thing", resource: "words", bytes }
      expect(events.filter(({ phase }) => phase === "verify")).to.deep.equal([told])
      const manifest = JSON.parse(readFileSync(join(root, ".manifest.json"), "utf8")) as {
        resources: { words: { files: unknown[] } }
      }
      const sha256 = createHash("sha256").update("words").digest("hex")
      expect(manifest.resources.words.files).to.deep.equal([{ path: "words.txt", bytes, sha256 }])
    })

    it("refuses what has another sum, or is no such archive", async () => {
      writeFiles(root, { "Corpus.zip": "<html>", "words.txt": "wrods" })
      const damaged = await failure(prepare({ corpus: manual(page, { name: "Corpus.zip", unpack: "zip" }) }))
      expect(damaged.code).to.be.oneOf(["CORRUPT", "TRUNCATED"])
      const sums = { integrity: md5(sum("words")) }
      const error = await failure(prepare({ words: manual(page, { name: "words.txt", ...sums }) }))
      expect(error.code).to.equal("CHECKSUM_MISMATCH")
      expect(readFileSync(join(root, "words.txt"), "utf8")).to.equal("wrods")
      writeFiles(root, { "words.txt": "words" })
      await prepare({ words: manual(page, { name: "words.txt", ...sums }) })
    })
  })

  it("can't be defined without a place, a page, or a reference", () => {
    const wrong: [Resources, RegExp][] = [
      [{ a: linkFolder([]) }, /no place/],
      [{ a: linkFolder("relative") }, /neither absolute/],
      [{ a: linkFolder(datafolderPath("x", "../y")) }, /leaves/],
      [{ a: linkFolder(datafolderPath("my folder", "y")) }, /"my folder" is no data folder's key: use letters/],
      [{ a: datafolderPath("my folder", "y") }, /"my folder" is no data folder's key: use letters/],
      [{ a: datafolderPath("") }, /"" is no data folder's key/],
      [{ a: linkFolder("/x", { check: { glob: "*", md5: "12" } }) }, /2 hexadecimal digits/],
      [{ a: links(["b"]), b: linkFile("/x") }, /"b" is no reference/],
      [{ a: links([]) }, /empty/],
      [{ a: manual("example.org") }, /no http or https URL/],
      [{ a: manual("https://e.org", { unpack: "zip" }) }, /file name of its own/],
      [{ a: manual("https://e.org", { name: "b", unpack: "zip" }), b: linkFile("/x") }, /clash/],
    ]
    for (const [resources, reason] of wrong) {
      expect(() => defineDataset({ id: "org.x", resources, describe: () => textFile as never })).to.throw(reason)
    }
  })
})
