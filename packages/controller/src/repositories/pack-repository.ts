import { createHash } from "node:crypto"
import { readFile } from "node:fs/promises"
import { relative } from "node:path"
import type { FoundRepository } from "./found-repository.ts"
import { recallPack, rememberPack } from "./pack-cache.ts"
import { stamp } from "./stamp.ts"

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

  const [{ packContents }, { packArchive, slashes }] = await Promise.all([
    import("./pack-contents.ts"),
    import("./pack-archive.ts"),
  ])
  const contents = await packContents(folder, repositories)
  // Looked at before they are read: a change in between makes the next call pack again.
  const stamps = Object.fromEntries([...contents.files, ...contents.folders].map((path) => [path, stamp(path)]))
  const bytes = packArchive(contents, folder)
  const hash = createHash("sha256").update(bytes).digest("hex")
  const inside = slashes(relative(contents.root, folder))
  rememberPack(folder, { hash, folder: inside, modules, stamps }, bytes)
  return { hash, folder: inside, archive: () => Promise.resolve(bytes) }
}
