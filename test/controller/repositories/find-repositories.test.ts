import { expect } from "chai"
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { delimiter, join } from "node:path"
import { findRepositories } from "../../../packages/controller/src/repositories/find-repositories.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"

describe("findRepositories", () => {
  let root: Awaited<ReturnType<typeof temporaryFolder>>
  let controller: string
  let project: string

  beforeEach(async () => {
    root = await temporaryFolder()
    controller = join(root.path, "global/node_modules/datamaestro")
    project = join(root.path, "project")
    await mkdir(controller, { recursive: true })
    await mkdir(join(project, "deep/below"), { recursive: true })
  })

  afterEach(() => root.remove())

  const write = async (folder: string, id: string, more: object = {}): Promise<string> => {
    await mkdir(folder, { recursive: true })
    const repositories = { [id]: "./dist/index.js#My" }
    const description = { name: `package-${id}`, version: "2.0.0", datamaestro: { repositories }, ...more }
    await writeFile(join(folder, "package.json"), JSON.stringify(description))
    return folder
  }
  const look = (path = "", directory = project): ReturnType<typeof findRepositories> =>
    findRepositories({ controller, directory, environment: { DATAMAESTRO_REPOSITORY_PATH: path } })
  const find = (path = "", directory = project): string[] => look(path, directory).found.map(({ id }) => id)

  it("finds those beside the command, scoped ones too", async () => {
    await write(join(root.path, "global/node_modules/one"), "one")
    await write(join(root.path, "global/node_modules/@scope/two"), "two")
    expect(find()).to.have.members(["one", "two"])
  })

  it("finds the project's own, also from a folder below, and its dependencies'", async () => {
    await write(project, "own", { devDependencies: { "dep-of-it": "*", missing: "*" } })
    await write(join(project, "node_modules/dep-of-it"), "dep")
    await write(join(project, "node_modules/not-a-dependency"), "stranger")
    expect(find("", join(project, "deep/below"))).to.have.members(["own", "dep"])
  })

  it("tells that it can't find what Yarn's Plug'n'Play installed", () => {
    const { broken } = findRepositories({ controller, directory: project, environment: {}, versions: { pnp: "3" } })
    expect(broken.map(({ message }) => message)).to.deep.equal([
      "Cannot find packages that Yarn's Plug'n'Play installed: set nodeLinker: node-modules in .yarnrc.yml",
    ])
    expect(look().broken).to.deep.equal([])
  })

  it("takes ~ in DATAMAESTRO_REPOSITORY_PATH for the home folder, as everywhere", () => {
    const nowhere = "no-such-folder-of-repositories"
    expect(() => find(`~/${nowhere}`)).to.throw(`Cannot use "${join(homedir(), nowhere)}" as a repository`)
  })

  it("finds the folders of DATAMAESTRO_REPOSITORY_PATH, and takes one reached twice for one", async () => {
    const one = await write(join(root.path, "one"), "one")
    await symlink(one, join(root.path, "link"))
    expect(find([one, join(root.path, "link"), ""].join(delimiter))).to.deep.equal(["one"])
  })

  it("reads a package.json that begins with a byte order mark, as npm does", async () => {
    const one = await write(join(root.path, "one"), "one")
    const path = join(one, "package.json")
    await writeFile(path, `\uFEFF${await readFile(path, "utf8")}`)
    expect(find(one)).to.deep.equal(["one"])
  })

  it("names both packages that claim one name", async () => {
    const one = await write(join(root.path, "one"), "same")
    const other = await write(join(root.path, "other"), "same")
    expect(() => find([one, other].join(delimiter)))
      .to.throw(one)
      .with.property("code", "BROKEN_REPOSITORY")
    expect(() => find([one, other].join(delimiter))).to.throw(other)
  })

  it("takes the nearest of several copies of one package: the one that is named, else the project's", async () => {
    const versions = (path = ""): string[] => look(path).found.map(({ version }) => version)
    await write(join(root.path, "global/node_modules/package-one"), "one", { version: "1.0.0" })
    expect(versions()).to.deep.equal(["1.0.0"])
    await write(project, "own", { dependencies: { "package-one": "*" }, version: "0.0.0" })
    await write(join(project, "node_modules/package-one"), "one", { version: "1.1.0" })
    expect(versions()).to.have.members(["0.0.0", "1.1.0"])
    const source = await write(join(root.path, "source"), "one", { version: "1.2.0" })
    expect(versions(source)).to.have.members(["0.0.0", "1.2.0"])
    const another = await write(join(root.path, "another"), "one", { name: "another" })
    expect(() => find(another)).to.throw(/"package-one" in .* and "another" in .* both claim that name/)
  })

  it("names a malformed package.json, hides no other, and leaves alone those that are none of its business", async () => {
    await mkdir(join(root.path, "global/node_modules/stranger"), { recursive: true })
    await writeFile(join(root.path, "global/node_modules/stranger/package.json"), "{ not JSON")
    expect(look()).to.deep.equal({ found: [], broken: [] })
    await write(join(root.path, "global/node_modules/two"), "two")
    const installed = join(root.path, "global/node_modules/one")
    await mkdir(installed)
    await writeFile(join(installed, "package.json"), '{ "datamaestro": ')
    expect(find()).to.deep.equal(["two"])
    expect(
      look()
        .broken.map(({ message }) => message)
        .join(),
    ).to.match(/one\/package.json": /)
    await rm(installed, { recursive: true })
    const broken = join(root.path, "broken")
    await mkdir(broken)
    for (const text of [
      '{ "datamaestro": ',
      '{ "name": "x", "datamaestro": { "repositories": { "a": "./index.js" } } }',
      '{ "name": "x", "datamaestro": { "repositories": { "a": "./../../index.js#A" } } }',
      '{ "name": "x", "datamaestro": { "repositories": [1] } }',
      '{ "datamaestro": { "repositories": {} } }',
    ]) {
      await writeFile(join(broken, "package.json"), text)
      const [error, ...others] = look(broken).broken
      expect(find(broken), text).to.deep.equal(["two"])
      expect(error?.message).to.contain(join(broken, "package.json"))
      expect(error?.exitStatus).to.equal(6)
      expect(others).to.deep.equal([])
    }
  })

  it("names one that the variable names and that is no JSON, also where it does not look like ours", async () => {
    const folder = join(root.path, "malformed")
    await mkdir(folder)
    await writeFile(join(folder, "package.json"), '{\n  "name" "x"\n}\n')
    const two = await write(join(root.path, "two"), "two")
    const { found, broken } = look([folder, two].join(delimiter), folder)
    expect(broken.map(({ message }) => message)).to.deep.equal([
      `Cannot read "${join(folder, "package.json")}": line 2, column 10: colon expected`,
    ])
    expect(found.map(({ id }) => id)).to.deep.equal(["two"])
  })

  it("says so when the variable names what is no repository", async () => {
    expect(() => find(join(root.path, "nowhere")))
      .to.throw("nowhere")
      .with.property("code", "BROKEN_REPOSITORY")
    await mkdir(join(root.path, "empty"))
    expect(() => find(join(root.path, "empty")))
      .to.throw("empty")
      .with.property("code", "BROKEN_REPOSITORY")
  })
})
