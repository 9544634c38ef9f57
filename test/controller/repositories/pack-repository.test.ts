import { expect } from "chai"
import { execFileSync } from "node:child_process"
import { cp, mkdir, readFile, readlink, rm, symlink, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type { FoundRepository } from "../../../packages/controller/src/repositories/found-repository.ts"
import { packRepository } from "../../../packages/controller/src/repositories/pack-repository.ts"
import { readRepositoryPackage } from "../../../packages/controller/src/repositories/read-package.ts"
import { writeTar } from "../../../packages/controller/src/repositories/write-tar.ts"
import { privateEnvironment } from "../../helpers/private-environment.ts"
import { rejection } from "../../helpers/rejection.ts"

describe("packRepository", function () {
  this.timeout(20_000)
  let environment: Awaited<ReturnType<typeof privateEnvironment>>

  beforeEach(async () => {
    environment = await privateEnvironment()
  })

  afterEach(() => environment.restore())

  /** A workspace: a repository, the package it imports beside it through a link, and one that nobody imports. */
  const workspace = async (root: string): Promise<[FoundRepository, ...FoundRepository[]]> => {
    const files: Record<string, string> = {
      "packages/mine/package.json": JSON.stringify({
        name: "mine",
        type: "module",
        datamaestro: { repositories: { mine: "./index.js#Mine" } },
      }),
      "packages/mine/index.js": `import { words } from "beside"; export class Mine { static WORDS = words }`,
      "packages/mine/data/list.txt": "not imported, but its own",
      "packages/mine/index.d.ts": "",
      "packages/mine/index.js.map": "{}",
      "packages/mine/index.d.mts.map": "{}",
      "packages/mine/dist/tsconfig.tsbuildinfo": "{}",
      "packages/mine/data/world.map": "its own",
      "packages/beside/package.json": JSON.stringify({ name: "beside", type: "module", exports: "./main.js" }),
      "packages/beside/main.js": `export const words = "from beside"`,
      "packages/beside/other.js": "",
      "node_modules/stranger/package.json": "{}",
    }
    for (const [path, content] of Object.entries(files)) {
      await mkdir(join(root, path, ".."), { recursive: true })
      await writeFile(join(root, path), content)
    }
    await symlink("../packages/beside", join(root, "node_modules/beside"))
    await symlink(".", join(root, "packages/mine/itself"))
    const [first, ...others] = readRepositoryPackage(join(root, "packages/mine"))
    if (first === undefined) throw new Error("no repository was found")
    return [first, ...others]
  }

  it("packs a package so that its imports resolve where it is unpacked, and nothing else", async () => {
    const pack = await packRepository(await workspace(join(environment.path, "workspace")))
    const output = join(environment.path, "unpacked")
    await mkdir(output)
    execFileSync("tar", ["-xzf", "-", "-C", output], { input: await pack.archive() })
    await rm(join(environment.path, "workspace"), { recursive: true })
    expect(pack.folder).to.equal("packages/mine")
    const module = (await import(pathToFileURL(join(output, "packages/mine/index.js")).href)) as {
      Mine: { WORDS: string }
    }
    expect(module.Mine.WORDS).to.equal("from beside")
    expect(await readFile(join(output, "packages/mine/data/list.txt"), "utf8")).to.equal("not imported, but its own")
    expect(await readlink(join(output, "node_modules/beside"))).to.equal("../packages/beside")
    expect(await readlink(join(output, "packages/mine/itself"))).to.equal(".")
    const names = execFileSync("tar", ["-tzf", "-"], { input: await pack.archive(), encoding: "utf8" })
    expect(names).to.not.match(/stranger|other\.js|\.d\.|\.js\.map|tsbuildinfo/)
    expect(names).to.contain("data/world.map")
  })

  for (const [name, scope] of [
    ["mine", ""],
    ["@scope/mine", "@scope/"],
  ] as const) {
    it(`packs ${name} as npm installs it, beside what it imports`, async () => {
      const root = join(environment.path, "project")
      const files: Record<string, string> = {
        [`${name}/package.json`]: JSON.stringify({
          name,
          type: "module",
          datamaestro: { repositories: { mine: "./index.js#Mine" } },
        }),
        [`${name}/index.js`]: `import { words } from "${scope}beside"; export class Mine { static WORDS = words }`,
        [`${scope}beside/package.json`]: JSON.stringify({ type: "module", exports: "./main.js" }),
        [`${scope}beside/main.js`]: `export const words = "from beside"`,
      }
      for (const [path, content] of Object.entries(files)) {
        const file = join(root, "node_modules", path)
        await mkdir(join(file, ".."), { recursive: true })
        await writeFile(file, content)
      }
      const [first, ...others] = readRepositoryPackage(join(root, "node_modules", name))
      if (first === undefined) throw new Error("no repository was found")
      const pack = await packRepository([first, ...others])
      const output = join(environment.path, "unpacked")
      await mkdir(output)
      execFileSync("tar", ["-xzf", "-", "-C", output], { input: await pack.archive() })
      await rm(root, { recursive: true })
      const module = (await import(pathToFileURL(join(output, pack.folder, "index.js")).href)) as {
        Mine: { WORDS: string }
      }
      expect(module.Mine.WORDS).to.equal("from beside")
    })
  }

  it("gives the same hash for the same content anywhere, and another for another", async () => {
    const here = await packRepository(await workspace(join(environment.path, "here")))
    await cp(join(environment.path, "here"), join(environment.path, "there"), {
      recursive: true,
      verbatimSymlinks: true,
    })
    const there = readRepositoryPackage(join(environment.path, "there/packages/mine")) as [FoundRepository]
    expect((await packRepository(there)).hash).to.equal(here.hash)
    const file = join(environment.path, "there/packages/mine/index.js")
    await utimes(file, new Date(0), new Date(0))
    expect((await packRepository(there)).hash).to.equal(here.hash)
    await writeFile(join(environment.path, "there/packages/mine/new.js"), "")
    expect((await packRepository(there)).hash).to.not.equal(here.hash)
  })

  it("remembers a pack, and makes it again when an imported file changes", async () => {
    const repositories = await workspace(join(environment.path, "workspace"))
    const first = await packRepository(repositories)
    const again = await packRepository(repositories)
    expect(again.hash).to.equal(first.hash)
    expect(await again.archive()).to.deep.equal(await first.archive())
    await writeFile(join(environment.path, "workspace/packages/beside/main.js"), `export const words = "changed"`)
    expect((await packRepository(repositories)).hash).to.not.equal(first.hash)
  })

  it("makes a pack again when a build that sets all times alike changes a file without changing its size", async () => {
    const repositories = await workspace(join(environment.path, "workspace"))
    const file = join(environment.path, "workspace/packages/beside/main.js")
    const build = async (words: string): Promise<string> => {
      await writeFile(file, `export const words = "${words}"`)
      await utimes(file, new Date(0), new Date(0))
      return (await packRepository(repositories)).hash
    }
    expect(await build("md5 of one")).to.not.equal(await build("md5 of two"))
  })

  it("says so when the package is not built", async () => {
    const repositories = await workspace(join(environment.path, "workspace"))
    await rm(join(repositories[0].folder, "index.js"))
    const error = await rejection(packRepository(repositories))
    expect(error).to.include({ code: "BROKEN_REPOSITORY", exitStatus: 6 })
    expect(error.message).to.include("index.js").and.include("build")
  })

  it("says which file can't be read, as of any package that is broken: others travel all the same", async function () {
    if (process.platform !== "linux") this.skip()
    const repositories = await workspace(join(environment.path, "workspace"))
    // No UTF-8, as an archive of another age leaves it: Node can list it, and not open it.
    await writeFile(Buffer.concat([Buffer.from(join(repositories[0].folder, "caf")), Buffer.from([0xe9])]), "")
    const error = await rejection(packRepository(repositories))
    expect(error).to.include({ code: "BROKEN_REPOSITORY", exitStatus: 6 })
    expect(error.message).to.include("the package can't travel").and.include("no such file or directory")
    expect(error.message).to.include(join(repositories[0].folder, "caf"))
  })
})

describe("writeTar", () => {
  it("writes what tar reads: long names, other scripts, empty files, links", async () => {
    const long = `${"folder/".repeat(40)}file.txt`
    const archive = writeTar([
      { name: long, content: Buffer.from("long"), executable: false },
      { name: "zażółć/日本.txt", content: Buffer.alloc(0), executable: true },
      { name: "link", link: long },
    ])
    const listing = execFileSync("tar", ["-tvf", "-", "--quoting-style=literal"], {
      input: archive,
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C.UTF-8" },
    })
    expect(listing.split("\n").map((line) => line.slice(0, 10))).to.deep.equal([
      "-rw-r--r--",
      "lrwxrwxrwx",
      "-rwxr-xr-x",
      "",
    ])
    expect(listing).to.include(long).and.include("zażółć/日本.txt").and.include(`link -> ${long}`)
  })
})
