import { folder, defineDataset, step } from "@datamaestro/dataset"
import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { mkdir, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { prepareDataset } from "../../../packages/agent/src/pipeline.ts"
import { failure, temporaryFolder } from "../../fixtures/extraction.ts"
import { prepareOptions, resolved, writeFiles } from "../../fixtures/preparation.ts"

describe("what a step has written", () => {
  let home: ReturnType<typeof temporaryFolder>
  let root: string
  beforeEach(() => {
    home = temporaryFolder()
    root = join(home.path, "data/test/org/example/thing")
    writeFiles(home.path, { "outside/1.txt": "outside" })
  })
  afterEach(() => home.remove())

  const prepare = async (write: (output: string) => void): Promise<void> => {
    const resources = { made: step({ from: [], name: "made", run: ({ output }) => Promise.resolve(write(output)) }) }
    const dataset = defineDataset({ id: "org.example.thing", resources, describe: ({ made }) => folder(made) })
    await prepareDataset(resolved(dataset), prepareOptions(home.path))
  }
  const inFolder = (links: Readonly<Record<string, string>>) => (output: string) => {
    writeFiles(output, { "a/1.txt": "one" })
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(output, name))
  }

  it("is placed with its symbolic links, those that stay in the dataset's folder", async () => {
    await prepare(inFolder({ "a/2.txt": "1.txt", b: "a", own: "../made/a/1.txt" }))
    expect(readFileSync(join(root, "made/b/2.txt"), "utf8")).to.equal("one")
    expect(readFileSync(join(root, "made/own"), "utf8")).to.equal("one")
  })

  it("may link to its inputs and itself by the paths that it is told: the links hold where it is placed", async () => {
    const write = (to: string, content: string) => async (path: string) => {
      await mkdir(join(path, to, ".."), { recursive: true })
      await writeFile(join(path, to), content)
    }
    const make = (transient: boolean) => {
      const resources = {
        images: step({ from: [], name: "images", transient, run: ({ output }) => write("a/1.png", "one")(output) }),
        made: step({
          from: ["images"],
          name: "split/train",
          run: async ({ input, output }) => {
            await write("2.png", "two")(output)
            await symlink(join(input.images, "a/1.png"), join(output, "1.png"))
            await symlink(join(output, "2.png"), join(output, "3.png"))
            await symlink(input.images, join(output, "all"))
          },
        }),
      }
      const dataset = defineDataset({ id: "org.example.thing", resources, describe: ({ made }) => folder(made) })
      return prepareDataset(resolved(dataset), prepareOptions(home.path))
    }
    await make(false)
    const links = ["1.png", "3.png", "all"].map((name) => readlinkSync(join(root, "split/train", name)))
    expect(links).to.deep.equal(["../../images/a/1.png", "2.png", "../../images"])
    expect(readFileSync(join(root, "split/train/1.png"), "utf8")).to.equal("one")
    // Of one that goes once this is made.
    rmSync(root, { recursive: true })
    expect((await failure(make(true))).message).to.contain("is a symbolic link with an absolute target")
  })

  const refused: [string, (output: string) => void, string][] = [
    [
      "a link to a file elsewhere",
      (output) => symlinkSync(join(home.path, "outside/1.txt"), output),
      'its output is a symbolic link, to "HOME/outside/1.txt"',
    ],
    [
      "a link to what is not there",
      (output) => symlinkSync("nowhere", output),
      'its output is a symbolic link, to "nowhere"',
    ],
    [
      "a folder with a link of an absolute target",
      (output) => inFolder({ out: join(home.path, "outside") })(output),
      'of its output, "made/out" is a symbolic link with an absolute target ("HOME/outside")',
    ],
    [
      "a folder with a link that leads out through another one",
      inFolder({ b: "a", "a/up": "../..", out: "b/up/../1.txt" }),
      'of its output, "made/out" is a symbolic link that leads outside the dataset\'s folder ("b/up/../1.txt")',
    ],
    ["a pipe", (output) => void execFileSync("mkfifo", [output]), "its output is neither a file nor a folder"],
    ["nothing", () => {}, "it ended without writing its output"],
  ]
  for (const [what, write, reason] of refused) {
    it(`is refused where it is ${what}`, async function () {
      if (process.platform === "win32") this.skip()
      const error = await failure(prepare(write))
      expect(error.message.replaceAll(home.path, "HOME")).to.equal(
        `Cannot make "made" of "org.example.thing": ${reason}`,
      )
      expect(error).to.include({ code: "STEP_FAILED", exitStatus: 6 })
      expect(existsSync(join(root, "made"))).to.equal(false)
      expect(existsSync(join(root, ".downloads")), "nothing to go on from, so no folder for it").to.equal(false)
    })
  }

  it("may have backslashes in its names, where they separate nothing", async function () {
    if (process.platform === "win32") this.skip()
    await prepare((output) => writeFiles(output, { "AC\\DC/a\\b.txt": "x" }))
    expect(readFileSync(join(root, "made/AC\\DC/a\\b.txt"), "utf8")).to.equal("x")
    const { resources } = JSON.parse(readFileSync(join(root, ".manifest.json"), "utf8")) as {
      resources: { made: { files: { path: string }[] } }
    }
    expect(resources.made.files.map(({ path }) => path)).to.deep.equal(["made/AC\\DC/a\\b.txt"])
  })

  for (const place of ["", "/folder"]) {
    it(`is told where a name in it is not UTF-8, and leaves nothing behind: ${place === "" ? "a file" : "a folder"}`, async function () {
      if (process.platform !== "linux") this.skip()
      const write = (output: string): void => {
        mkdirSync(output)
        const raw = Buffer.concat([Buffer.from(`${output}/caf`), Buffer.from([0xe9])])
        if (place === "") writeFileSync(raw, "x")
        else mkdirSync(raw)
      }
      const error = await failure(prepare(write))
      expect(error.message).to.contain("is not UTF-8")
      expect(error).to.include({ code: "STEP_FAILED", exitStatus: 6 })
      expect(existsSync(join(root, ".downloads"))).to.equal(false)
    })
  }

  it("is no less whole for an empty folder", async () => {
    await prepare((output) => mkdirSync(join(output, "empty"), { recursive: true }))
    expect(existsSync(join(root, "made/empty"))).to.equal(true)
  })
})
