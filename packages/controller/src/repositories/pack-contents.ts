import { nodeFileTrace } from "@vercel/nft"
import { readdirSync, readlinkSync } from "node:fs"
import { dirname, join, parse, relative, resolve, sep } from "node:path"
import type { FoundRepository } from "./found-repository.ts"
import { broken } from "./read-package.ts"

/** What a pack is made of: absolute paths of files and symbolic links, and the folder they are relative to. */
export interface PackContents {
  root: string
  files: string[]
  /** Every folder of the package itself: a new file in one changes the pack. */
  folders: string[]
}

/**
 * The repository package's own files, and of what lies outside its folder whatever its modules import.
 *
 * @throws DatamaestroError BROKEN_REPOSITORY when a module is missing
 */
export async function packContents(folder: string, repositories: readonly FoundRepository[]): Promise<PackContents> {
  const own = { files: [] as string[], folders: [] as string[] }
  walk(folder, own)
  const entries = repositories.map(({ module }) => join(folder, ...module.split("/")))
  for (const entry of entries) {
    if (own.files.includes(entry)) continue
    throw broken(
      join(folder, "package.json"),
      `it names the module "${relative(folder, entry)}", which is not there: build the package`,
    )
  }
  const base = parse(folder).root
  const { fileList } = await nodeFileTrace(entries, { base, processCwd: folder })
  // Symbolic links on the way to a module, such as a workspace's in node_modules, are in the list too.
  const imported = [...fileList]
    .map((path) => join(base, path))
    .filter((path) => !isBelow(path, folder) || isModule(path, folder))
  const files = [...new Set([...own.files, ...imported])].sort()
  return { root: aboveModules(commonFolder([...files.map(dirname), folder])), files, folders: own.folders }
}

/** What a compiler writes for editors, debuggers and itself: half of many a package, and never read when it runs. */
const BESIDE_CODE = /\.(d\.[cm]?ts(\.map)?|[cm]?js\.map|tsbuildinfo)$/

function walk(folder: string, found: { files: string[]; folders: string[] }): void {
  found.folders.push(folder)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === "node_modules" || entry.name === ".git" || BESIDE_CODE.test(entry.name)) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) walk(path, found)
    else if (entry.isFile()) found.files.push(path)
    else if (entry.isSymbolicLink() && isBelow(resolve(folder, readlinkSync(path)), folder)) found.files.push(path)
  }
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder + sep)
}

function isModule(path: string, folder: string): boolean {
  return relative(folder, path).split(sep).includes("node_modules")
}

/** Packages that lie side by side in `node_modules` find each other only below a folder of that name. */
function aboveModules(folder: string): string {
  const parts = folder.split(sep)
  const last = parts.lastIndexOf("node_modules")
  return last === -1 ? folder : parts.slice(0, last).join(sep) || sep
}

function commonFolder(folders: readonly string[]): string {
  let common = folders[0] ?? sep
  for (const folder of folders) while (!isBelow(folder, common) && dirname(common) !== common) common = dirname(common)
  return common
}
