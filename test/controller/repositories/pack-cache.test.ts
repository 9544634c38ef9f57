import { expect } from "chai"
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { cacheDirectory } from "../../../packages/controller/src/cache-directory.ts"
import {
  recallPack,
  rememberPack,
  type RememberedPack,
} from "../../../packages/controller/src/repositories/pack-cache.ts"
import { stamp } from "../../../packages/controller/src/repositories/stamp.ts"
import { privateEnvironment } from "../../helpers/private-environment.ts"

const DAY = 24 * 3600_000

describe("packs that are kept", () => {
  let environment: Awaited<ReturnType<typeof privateEnvironment>>
  let file: string
  const folder = "/packages/mine"
  const kept = (): string => join(cacheDirectory(), "repository-packs")
  const remember = (hash = "a".repeat(64), of = folder): string => {
    const pack: RememberedPack = { hash, folder: of, modules: ["./a.js"], stamps: { [file]: stamp(file) } }
    rememberPack(of, pack, Buffer.from("packed"))
    return join(kept(), `${hash}.tar.gz`)
  }
  const age = (path: string, days: number): void => {
    const then = new Date(Date.now() - days * DAY)
    utimesSync(path, then, then)
  }
  beforeEach(async () => {
    environment = await privateEnvironment()
    mkdirSync(cacheDirectory(), { recursive: true })
    file = join(cacheDirectory(), "module.js")
    writeFileSync(file, "one")
  })
  afterEach(() => environment.restore())

  it("are those of the same modules while nothing of the package has changed, and their archive is there", () => {
    expect(recallPack(folder, ["./a.js"])).to.equal(undefined)
    const archive = remember()
    expect(recallPack(folder, ["./a.js"])).to.include({ hash: "a".repeat(64), archive })
    expect(recallPack(folder, ["./a.js", "./b.js"])).to.equal(undefined)
    expect(recallPack("/packages/other", ["./a.js"])).to.equal(undefined)
    writeFileSync(file, "other")
    expect(recallPack(folder, ["./a.js"])).to.equal(undefined)
    remember()
    rmSync(archive)
    expect(recallPack(folder, ["./a.js"])).to.equal(undefined)
  })

  it("go once nobody has used them for a month, and nothing else in their folder does", () => {
    const [unused, used] = [remember(), remember("b".repeat(64), "/packages/used")]
    const foreign = join(kept(), "notes.txt")
    writeFileSync(foreign, "")
    for (const path of [unused, used, foreign]) age(path, 31)
    expect(recallPack("/packages/used", ["./a.js"])).to.have.property("archive", used)
    expect(Date.now() - statSync(used).mtimeMs, "marked as used").to.be.below(DAY)
    remember("c".repeat(64), "/packages/new")
    expect(existsSync(unused)).to.equal(false)
    expect(readdirSync(kept()).filter((name) => name.endsWith(".tar.gz"))).to.have.members([
      `${"b".repeat(64)}.tar.gz`,
      `${"c".repeat(64)}.tar.gz`,
    ])
    expect(existsSync(foreign)).to.equal(true)
  })
})
