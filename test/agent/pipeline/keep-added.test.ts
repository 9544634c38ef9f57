import { defineDataset, file, folder, step, tar, textFile } from "@datamaestro/dataset"
import { expect } from "chai"
import { lstatSync, lutimesSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs"
import { mkdir, symlink } from "node:fs/promises"
import { join } from "node:path"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { failure, tree } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved, writeFiles } from "../../fixtures/preparation.ts"
import { eachPreparation, type PreparationSetup } from "../../fixtures/preparation-setup.ts"
import { tarGzArchive } from "../../fixtures/tar-archive.ts"

describe("what a person has put into a dataset's folder", () => {
  let { origin, home, root } = {} as PreparationSetup
  eachPreparation((setup) => ({ origin, home, root } = setup), {
    "/a.tar.gz": {
      body: tarGzArchive([
        { name: "train/1.txt", content: "one" },
        { name: "train/deep/2.txt", content: "two" },
        { name: "train/deep/latest", type: "2", linkname: "2.txt" },
      ]),
    },
    "/b.txt": { body: "text" },
  })

  const archived = (given: Parameters<typeof tar>[1] = {}) =>
    resolved(
      defineDataset({
        id: "org.example.thing",
        resources: { data: tar(origin.at("/a.tar.gz"), { strip: 0, into: "data", ...given }) },
        describe: ({ data }) => ({ first: textFile(data.join("train/1.txt")), path: folder(data) }),
      }),
    )
  const text = () =>
    resolved(
      defineDataset({
        id: "org.example.thing",
        resources: { text: file(origin.at("/b.txt"), { name: "final" }) },
        describe: (all) => ({ text: textFile(all.text) }),
      }),
    )
  const stepped = (version: string, run: (output: string) => Promise<void>) =>
    resolved(
      defineDataset({
        id: "org.example.thing",
        resources: { made: step({ from: [], name: "data", version, run: ({ output }) => run(output) }) },
        describe: ({ made: all }) => ({ path: folder(all) }),
      }),
    )
  const content = (): Record<string, string> =>
    Object.fromEntries(Object.entries(tree(root)).filter(([name, what]) => !name.startsWith(".") && what !== "/"))
  const made = { "data/train/1.txt": "one", "data/train/deep/2.txt": "two", "data/train/deep/latest": "-> 2.txt" }
  const prepare = (dataset: Parameters<typeof prepareDataset>[0], force = false) =>
    prepareDataset(dataset, prepareOptions(home.path, { force }))

  it("stays in a folder that is prepared anew, or that a definition has no more", async () => {
    await prepare(archived())
    const own = { "data/mine.txt": "mine", "data/train/labels/mine.txt": "mine, too" }
    writeFiles(root, own)
    await prepare(archived(), true)
    expect(content()).to.deep.equal({ ...made, ...own })
    await prepare(archived({ include: ["train/*.txt"] }))
    expect(content()).to.deep.equal({ "data/train/1.txt": "one", ...own })
    await prepare(archived({ into: "elsewhere" }))
    const elsewhere = Object.entries(made).map(([name, what]) => [name.replace("data", "elsewhere"), what])
    expect(content()).to.deep.equal({ ...own, ...Object.fromEntries(elsewhere) })
    expect(readdirSync(root)).to.not.include(".downloads")
  })

  it("stays also where it is links, whatever they lead to, unlike the archive's own", async () => {
    await prepare(archived())
    const mine = { "data/train/large": "/scratch/nowhere", "data/near": "train", "data/train/deep/2.lnk": "2.txt" }
    for (const [name, target] of Object.entries(mine)) symlinkSync(target, join(root, name))
    const time = new Date("2001-02-03T04:05:06Z")
    lutimesSync(join(root, "data/near"), time, time)
    const own = Object.fromEntries(Object.entries(mine).map(([name, target]) => [name, `-> ${target}`]))
    await prepare(archived(), true)
    expect(content()).to.deep.equal({ ...made, ...own })
    expect(lstatSync(join(root, "data/near")).mtime).to.deep.equal(time)
    await prepare(archived({ include: ["train/*.txt"] }))
    expect(content()).to.deep.equal({ "data/train/1.txt": "one", ...own })
  })

  it("stays beside links that another version makes anew, or no more", async () => {
    const linked = (version: string, names: readonly string[]) =>
      stepped(version, async (output) => {
        await mkdir(output)
        for (const name of names) await symlink(version, join(output, name))
      })
    await prepare(linked("1", ["a", "b"]))
    symlinkSync("mine", join(root, "data/mine"))
    await prepare(linked("2", ["b", "c"]))
    expect(content()).to.deep.equal({ "data/b": "-> 2", "data/c": "-> 2", "data/mine": "-> mine" })
  })

  it("stays in a folder that was there before it was prepared, but for files that it brings", async () => {
    writeFiles(root, { "data/mine.txt": "mine", "data/train/deep/2.txt": "half" })
    await prepare(archived())
    expect(content()).to.deep.equal({ ...made, "data/mine.txt": "mine" })
  })

  it("stays where its name is not UTF-8, and is told", async function () {
    if (process.platform !== "linux") this.skip()
    await prepare(archived())
    writeFileSync(Buffer.concat([Buffer.from(join(root, "data/train/caf")), Buffer.from([0xe9])]), "mine")
    const error = await failure(prepare(archived(), true))
    expect([error.code, error.message]).to.deep.equal([
      "STORAGE_FAILED",
      `Cannot replace "${join(root, "data/train/caf\ufffd")}": datamaestro has not put it there`,
    ])
    expect(readdirSync(join(root, "data/train"))).to.have.length(3)
  })

  it("stays where it would have to go, and is named", async () => {
    const inTheWay = async (dataset: Parameters<typeof prepareDataset>[0], path: string): Promise<void> => {
      // Also by a later run, or with --force.
      for (const force of [false, false, true]) {
        const { code, message, hint } = await failure(prepare(dataset, force))
        const text = `Cannot replace "${join(root, path)}": datamaestro has not put it there`
        expect([code, message, hint]).to.deep.equal(["STORAGE_FAILED", text, "move it away, and run the command again"])
      }
    }
    writeFiles(root, { "final/mine.txt": "mine" })
    await inTheWay(text(), "final")
    writeFiles(root, { "data/train": "mine" })
    await inTheWay(archived(), "data/train")
    home.remove()
    writeFiles(root, { "data/train/1.txt/mine.txt": "mine" })
    await inTheWay(archived({ files: ["train/1.txt", "train/deep"] }), "data/train/1.txt/mine.txt")
    home.remove()
    mkdirSync(join(home.path, "large"), { recursive: true })
    mkdirSync(root, { recursive: true })
    symlinkSync(join(home.path, "large"), join(root, "data"))
    await inTheWay(archived(), "data")
  })

  it("stays where it would get through a link of what takes its place, and is named", async () => {
    const linked = stepped("2", async (output) => {
      await mkdir(join(output, "other"), { recursive: true })
      await symlink("other", join(output, "train"))
    })
    writeFiles(root, {
      ".state.json": '{"version":1,"resources":{"made":{"state":"partial"}}}',
      "data/train/mine.txt": "mine",
    })
    expect((await failure(prepare(linked))).message).to.contain(`"${join(root, "data/train/mine.txt")}"`)
    expect(content()).to.deep.equal({ "data/train/mine.txt": "mine" })
  })

  it("may be folders without a file", async () => {
    mkdirSync(join(root, "final/empty"), { recursive: true })
    await prepare(text())
    writeFileSync(join(root, "mine.txt"), "mine")
    expect(content()).to.deep.equal({ final: "text", "mine.txt": "mine" })
  })
})
