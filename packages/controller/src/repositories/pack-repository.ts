import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join, relative } from "node:path"
import type { FoundRepository } from "./found-repository.ts"
import { recallPack, rememberPack } from "./pack-cache.ts"
import { broken } from "./read-package.ts"
import { stamp } from "./stamp.ts"
import { systemReason } from "../system-reason.ts"

/** A repository package as it travels. */
export interface Pack {
  /** SHA-256 of the gzipped tar, lower-case hex. */
  hash: string
  /** The package's folder inside the pack, with forward slashes; `""` for the pack's own. */
  folder: string
  archive(): Promise<Buffer>
}

/**
 * The pack of one package: its own files and whatever modules they import, laid out as they lie here. It is kept in the
 * cache and made again when one of its files or folders has changed; a warm call only looks at their times.
 *
 * @param repositories those of one package
 * @throws DatamaestroError BROKEN_REPOSITORY
 */
export async function packRepository(repositories: readonly [FoundRepository, ...FoundRepository[]]): Promise<Pack> {
  const [{ folder }] = repositories
  const modules = repositories.map(({ module }) => module)
  const known = recallPack(folder, modules)
  if (known !== undefined) return { hash: known.hash, folder: known.folder, archive: () => readFile(known.archive) }

  const { bytes, stamps, inside } = await pack(folder, repositories).catch((error: unknown) => {
    throw unreadable(folder, error)
  })
  const hash = createHash("sha256").update(bytes).digest("hex")
  rememberPack(folder, { hash, folder: inside, modules, stamps }, bytes)
  return { hash, folder: inside, archive: () => Promise.resolve(bytes) }
}

interface Packed {
  bytes: Buffer
  stamps: Record<string, string>
  /** The package's folder inside the pack. */
  inside: string
}

async function pack(folder: string, repositories: readonly FoundRepository[]): Promise<Packed> {
  const [{ packContents }, { packArchive, slashes }] = await Promise.all([
    import("./pack-contents.ts"),
    import("./pack-archive.ts"),
  ])
  const contents = await packContents(folder, repositories)
  // Looked at before they are read: a change in between makes the next call pack again.
  const stamps = Object.fromEntries([...contents.files, ...contents.folders].map((path) => [path, stamp(path)]))
  return { bytes: packArchive(contents, folder), stamps, inside: slashes(relative(contents.root, folder)) }
}

/** One file that can't be read, or whose name is no UTF-8, makes its package one that can't travel; others do. */
function unreadable(folder: string, error: unknown): unknown {
  if (!(error instanceof Error) || !("syscall" in error)) return error
  const { path = folder } = error as NodeJS.ErrnoException
  return broken(
    join(folder, "package.json"),
    `the package can't travel: "${path}": ${systemReason(error).reason}`,
    error,
  )
}
