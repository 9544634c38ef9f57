import { DatamaestroError } from "@datamaestro/protocol"
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import * as v from "valibot"
import { cacheDirectory } from "../cache-directory.ts"
import { makeFolder } from "../make-folder.ts"
import { systemReason } from "../system-reason.ts"
import { writeWhole } from "../write-whole.ts"
import type { NodePackage } from "./node-package.ts"
import { fetchPackage, newestVersion, type PublishedVersion } from "./npm.ts"
import { unpackNode } from "./unpack-node.ts"

const Record = v.object({
  version: v.string(),
  /** SHA-256 of the gzipped program, lower-case hex. */
  hash: v.string(),
  bytes: v.number(),
})

/** A Node program for another machine, gzipped, on this one. */
export interface BundledNode extends v.InferOutput<typeof Record> {
  /** Absolute. */
  path: string
}

export interface BundledNodeOptions {
  /** Told once, when something has to be fetched. */
  onFetch: (what: string) => void
  signal?: AbortSignal | undefined
}

/** How long a fetched one serves before a newer one is looked for, in milliseconds. */
const FRESH = 30 * 24 * 3600_000

/**
 * The newest Node of a package: from the cache, or fetched by npm, verified by the registry's integrity, and kept.
 *
 * @throws DatamaestroError DOWNLOAD_FAILED, CHECKSUM_MISMATCH, INTERRUPTED, and those of the storage
 */
export async function bundledNode(wanted: NodePackage, options: BundledNodeOptions): Promise<BundledNode> {
  const folder = join(cacheDirectory(), "node")
  try {
    makeFolder(folder)
    return await newestNode(wanted, folder, options)
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error
    const { code, reason } = systemReason(error)
    throw new DatamaestroError(code, `Cannot keep a Node in "${folder}" of this machine: ${reason}`, {
      hint: "make room there, or point XDG_CACHE_HOME to another folder; or install Node on the data machine and name it with --node PATH",
      details: { path: folder },
      cause: error,
    })
  }
}

async function newestNode(wanted: NodePackage, folder: string, options: BundledNodeOptions): Promise<BundledNode> {
  const recordPath = join(folder, `${wanted.name}-${wanted.range}.json`)
  const known = await readRecord(recordPath, folder, wanted.name)
  if (known !== undefined && known.age < FRESH) return known.node
  try {
    const published = await newestVersion(wanted, { folder, signal: options.signal })
    if (published.version === known?.node.version) {
      await writeFile(recordPath, await readFile(recordPath))
      return known.node
    }
    options.onFetch(`${wanted.name} ${published.version}`)
    const node = await fetchNode(wanted.name, published, folder, options)
    writeWhole(recordPath, JSON.stringify({ version: node.version, hash: node.hash, bytes: node.bytes }))
    if (known !== undefined) await rm(known.node.path, { force: true })
    return node
  } catch (error) {
    // Without a network the one at hand is as good as it was yesterday.
    if (known !== undefined && error instanceof DatamaestroError && error.code === "DOWNLOAD_FAILED") return known.node
    throw error
  }
}

async function readRecord(
  path: string,
  folder: string,
  name: string,
): Promise<{ node: BundledNode; age: number } | undefined> {
  try {
    const record = v.parse(Record, JSON.parse(await readFile(path, "utf8")))
    const file = join(folder, `${name}-${record.version}.gz`)
    if ((await hashOf(file)) !== record.hash) return undefined
    return { node: { ...record, path: file }, age: Date.now() - (await stat(path)).mtimeMs }
  } catch {
    return undefined
  }
}

async function fetchNode(
  name: string,
  { version, integrity }: PublishedVersion,
  folder: string,
  { signal }: BundledNodeOptions,
): Promise<BundledNode> {
  const work = await mkdtemp(join(folder, "fetch-"))
  try {
    await fetchPackage(name, version, work, { folder, signal })
    const archive = (await readdir(work)).find((file) => file.endsWith(".tgz"))
    if (archive === undefined) {
      throw new DatamaestroError("DOWNLOAD_FAILED", `Cannot fetch "${name}": npm left no file in "${work}"`, {
        hint: `run \`npm pack ${name}@${version}\` to see what npm does instead, or name a Node with --node PATH`,
        details: { package: name, version },
      })
    }
    await verify(join(work, archive), integrity, `${name}@${version}`)
    const packed = join(work, "node.gz")
    await unpackNode(join(work, archive), packed)
    const { size } = await stat(packed)
    const hash = await hashOf(packed)
    const path = join(folder, `${name}-${version}.gz`)
    await rename(packed, path)
    return { version, hash, bytes: size, path }
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function verify(path: string, integrity: string, what: string): Promise<void> {
  const wanted = /sha512-([A-Za-z0-9+/=]+)/.exec(integrity)?.[1]
  const found = createHash("sha512")
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), found)
  const digest = found.digest("base64")
  if (wanted === digest) return
  throw new DatamaestroError("CHECKSUM_MISMATCH", `Cannot use "${what}": it is not what the registry published`, {
    hint: "run the same command again; if it happens again, something between here and the registry changes files",
    details: { package: what, wanted: integrity, found: `sha512-${digest}` },
  })
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256")
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest("hex")
}
