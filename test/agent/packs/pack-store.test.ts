import { expect } from "chai"
import { createHash } from "node:crypto"
import { mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { changedSince, contentsFile } from "../../../packages/agent/src/packs/pack-contents.ts"
import { packEntry } from "../../../packages/agent/src/packs/pack-entry.ts"
import { missingPacks, PackReceiver } from "../../../packages/agent/src/packs/pack-store.ts"
import { writeTar } from "../../../packages/controller/src/repositories/write-tar.ts"
import { rejection } from "../../helpers/rejection.ts"
import { temporaryFolder } from "../../helpers/ssh-client-files.ts"
import { callWithoutFiles } from "../../helpers/without-files.ts"

describe("PackReceiver", () => {
  let root: Awaited<ReturnType<typeof temporaryFolder>>
  let folder: string
  const { signal } = new AbortController()
  const pack = gzipSync(writeTar([{ name: "lib/index.js", content: Buffer.from("export {}"), executable: false }]))
  const hash = createHash("sha256").update(pack).digest("hex")

  const module = { hash, entry: "lib/index.js" }

  beforeEach(async () => {
    root = await temporaryFolder()
    folder = join(root.path, "packs")
  })

  afterEach(() => root.remove())

  const send = (receiver: PackReceiver, bytes: Buffer, as = hash, size = 40): Promise<unknown> => {
    const pieces: Promise<void>[] = []
    for (let offset = 0; offset < bytes.length; offset += size) {
      const data = bytes.subarray(offset, offset + size).toString("base64")
      pieces.push(receiver.receive({ hash: as, offset, data, last: offset + size >= bytes.length }, signal))
    }
    return Promise.all(pieces)
  }

  it("unpacks what has come whole, into a folder of its own", async () => {
    expect(await missingPacks(folder, [module])).to.deep.equal([hash])
    await send(new PackReceiver(folder), pack)
    expect(await missingPacks(folder, [module])).to.deep.equal([])
    const entry = await packEntry(folder, { kind: "pack", hash, entry: "lib/index.js" })
    expect(await readFile(entry, "utf8")).to.equal("export {}")
    expect(await readdir(folder)).to.deep.equal([hash])
    expect((await stat(folder)).mode & 0o777).to.equal(0o700)
  })

  it("takes a pack anew whose files were cleaned away, and only the folders left", async () => {
    await send(new PackReceiver(folder), pack)
    await rm(join(folder, hash, "lib/index.js"))
    expect(await missingPacks(folder, [module])).to.deep.equal([hash])
    await send(new PackReceiver(folder), pack)
    expect(await missingPacks(folder, [module])).to.deep.equal([])
  })

  it("takes a pack anew whose list of what is in it is gone", async () => {
    await send(new PackReceiver(folder), pack)
    await rm(contentsFile(join(folder, hash)))
    expect(await missingPacks(folder, [module])).to.deep.equal([hash])
  })

  it("loads nothing from a pack that is no longer as it was uploaded, and takes it anew", async () => {
    const path = join(folder, hash)
    const file = join(path, "lib/index.js")
    const spoils: [spoil: () => Promise<void>, changed: string, state: RegExp][] = [
      [() => truncate(file, 3), file, /is not what was uploaded/],
      [() => writeFile(file, "export { }"), file, /is not what was uploaded/],
      [() => writeFile(contentsFile(path), "{"), contentsFile(path), /is gone, or can't be read/],
    ]
    for (const [spoil, changed, state] of spoils) {
      await send(new PackReceiver(folder), pack)
      expect(await changedSince(path)).to.equal(undefined)
      await spoil()
      expect(await missingPacks(folder, [module]), "seen when it is loaded").to.deep.equal([])
      const error = await rejection(packEntry(folder, { kind: "pack", ...module }))
      expect(error).to.have.property("code", "DEPLOY_FAILED")
      expect(error).to.have.deep.property("details", { path: changed })
      expect(error).to.have.property("message").that.matches(state)
      expect(await missingPacks(folder, [module])).to.deep.equal([hash])
    }
  })

  it("keeps a pack that can't be read since no more files may be opened", async () => {
    await send(new PackReceiver(folder), pack)
    const answer = callWithoutFiles("packages/agent/src/packs/pack-entry.ts", "packEntry", folder, {
      kind: "pack",
      ...module,
    })
    expect(answer).to.have.nested.property("thrown.code", "STORAGE_FAILED")
    expect(await missingPacks(folder, [module])).to.deep.equal([])
  })

  it("knows what has gone from a pack", async () => {
    await send(new PackReceiver(folder), pack)
    const path = join(folder, hash)
    await rm(join(path, "lib"), { recursive: true })
    expect(await changedSince(path)).to.have.property("path", join(path, "lib"))
  })

  it("tells of a folder that can't be written without advice that is for the data directory", async () => {
    await writeFile(folder, "a file has its place")
    const error = await rejection(send(new PackReceiver(folder), pack))
    expect(error).to.have.property("exitStatus", 6)
    expect(error).to.have.property("hint").that.contains("move it away").and.not.contains("--data")
  })

  it("takes the same pack from two controllers at once", async () => {
    await Promise.all([send(new PackReceiver(folder), pack), send(new PackReceiver(folder), pack)])
    expect(await readdir(folder)).to.deep.equal([hash])
  })

  it("keeps nothing of a pack whose bytes are others than announced, that has a gap, or that never ends", async () => {
    const other = Buffer.from(pack)
    other[other.length - 1] = (other.at(-1) ?? 0) ^ 1
    const receiver = new PackReceiver(folder)
    expect(await rejection(send(receiver, other, hash, 10_000))).to.include({ code: "DEPLOY_FAILED", exitStatus: 8 })
    const gap = { hash, offset: 7, data: "AAAA", last: false }
    expect(await rejection(receiver.receive(gap, signal))).to.have.property("code", "DEPLOY_FAILED")
    await receiver.receive({ hash, offset: 0, data: "AAAA", last: false }, signal)
    await receiver.close()
    expect(await readdir(folder)).to.deep.equal([])
    expect(await rejection(packEntry(folder, { kind: "pack", hash, entry: "lib/index.js" }))).to.have.property(
      "code",
      "DEPLOY_FAILED",
    )
  })

  it("refuses hashes and entries that lead elsewhere", async () => {
    const receiver = new PackReceiver(folder)
    const piece = { hash: "../../x", offset: 0, data: "", last: true }
    expect(await rejection(receiver.receive(piece, signal))).to.have.property("code", "DEPLOY_FAILED")
    await send(receiver, pack)
    const outside = { kind: "pack", hash, entry: "../../../etc/passwd" } as const
    expect(await rejection(packEntry(folder, outside))).to.have.property("code", "DEPLOY_FAILED")
  })

  it("removes packs that nobody has used for a week, when another comes", async () => {
    const old = join(folder, "a".repeat(64))
    await mkdir(old, { recursive: true })
    await mkdir(join(folder, "b".repeat(64)))
    const day = 24 * 3600_000
    const then = new Date(Date.now() - 8 * day)
    await utimes(old, then, then)
    // What a killed agent has left of one, which is of use to nobody, goes sooner.
    const [left, recent] = [`${"c".repeat(64)}.12.0a1b2c3d.tmp`, `${"c".repeat(64)}.13.0a1b2c3d.tmp`]
    for (const name of [left, recent]) await writeFile(join(folder, name), "")
    const yesterday = new Date(Date.now() - 1.1 * day)
    await utimes(join(folder, left), yesterday, yesterday)
    await send(new PackReceiver(folder), pack)
    expect(await readdir(folder)).to.have.members(["b".repeat(64), recent, hash])
  })

  it("keeps what came long ago and is still asked for", async () => {
    await send(new PackReceiver(folder), pack)
    const then = new Date(Date.now() - 8 * 24 * 3600_000)
    await utimes(join(folder, hash), then, then)
    expect(await missingPacks(folder, [module])).to.deep.equal([])
    const other = gzipSync(writeTar([{ name: "other.js", content: Buffer.from(""), executable: false }]))
    const otherHash = createHash("sha256").update(other).digest("hex")
    await send(new PackReceiver(folder), other, otherHash)
    expect(await readdir(folder)).to.have.members([hash, otherHash])
  })
})
