import { createHash } from "node:crypto"
import { readFileSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { cacheDirectory } from "../cache-directory.ts"
import { makeFolder } from "../make-folder.ts"
import { writeWhole } from "../write-whole.ts"
import { stamp } from "./stamp.ts"

/** Changes when packs are made another way. */
const FORMAT = 1
const DAY = 24 * 3600_000
const KEEP_UNUSED = 30 * DAY

const RememberedPack = v.object({
  format: v.literal(FORMAT),
  hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  folder: v.string(),
  modules: v.array(v.string()),
  /** By absolute path. */
  stamps: v.record(v.string(), v.string()),
})

/** A pack made earlier: of which modules, and what its files and folders looked like. */
export type RememberedPack = Omit<v.InferOutput<typeof RememberedPack>, "format">

/** The pack of the package in that folder, if nothing of it has changed since. */
export function recallPack(
  folder: string,
  modules: readonly string[],
): (RememberedPack & { archive: string }) | undefined {
  try {
    const pack = v.parse(RememberedPack, JSON.parse(readFileSync(memoryOf(folder), "utf8")))
    if (pack.modules.join("\n") !== modules.join("\n")) return undefined
    for (const [path, then] of Object.entries(pack.stamps)) if (stamp(path) !== then) return undefined
    const archive = join(packs(), `${pack.hash}.tar.gz`)
    if (Date.now() - statSync(archive).mtimeMs > DAY) utimesSync(archive, new Date(), new Date())
    return { ...pack, archive }
  } catch {
    return undefined
  }
}

/** Best effort: where the cache can't be written, packs are made on each call. */
export function rememberPack(of: string, pack: RememberedPack, archive: Buffer): void {
  try {
    makeFolder(packs())
    writeWhole(join(packs(), `${pack.hash}.tar.gz`), archive)
    writeWhole(memoryOf(of), JSON.stringify({ format: FORMAT, ...pack }))
    prune()
  } catch {
    return
  }
}

function packs(): string {
  return join(cacheDirectory(), "repository-packs")
}

function memoryOf(folder: string): string {
  return join(packs(), `${createHash("sha256").update(folder).digest("hex").slice(0, 32)}.json`)
}

function prune(): void {
  for (const name of readdirSync(packs())) {
    if (!/\.(tar\.gz|json|tmp)$/.test(name)) continue
    const path = join(packs(), name)
    const found = statSync(path, { throwIfNoEntry: false })
    if (found !== undefined && Date.now() - found.mtimeMs > KEEP_UNUSED) rmSync(path, { force: true })
  }
}
