import { createHash } from "node:crypto"
import { lstat, readdir, readFile, writeFile } from "node:fs/promises"
import { join, relative } from "node:path"
import { errnoName } from "../store/errno-name.ts"
import { storageError } from "../store/storage-error.ts"

/** In each pack: every path in it, to the SHA-256 of a file's content, or to nothing for a folder. */
const CONTENTS = ".datamaestro-contents.json"

/** Keeps in a pack that was just unpacked what is in it. */
export async function listContents(pack: string): Promise<void> {
  const contents: Record<string, string> = {}
  for (const entry of await readdir(pack, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    contents[relative(pack, path)] = await mark(path, entry.isFile())
  }
  await writeFile(contentsFile(pack), JSON.stringify(contents))
}

export function contentsFile(pack: string): string {
  return join(pack, CONTENTS)
}

/**
 * What is no longer as it was uploaded: gone, as storage that is cleaned by age leaves it, or another file than it was,
 * as one leaves it that is full or failing. Nothing where all is as it was.
 *
 * @throws DatamaestroError STORAGE_FAILED where no more files may be opened, which says nothing of the pack
 */
export async function changedSince(pack: string): Promise<{ path: string; state: string } | undefined> {
  let contents: Record<string, string>
  try {
    contents = JSON.parse(await readFile(contentsFile(pack), "utf8")) as Record<string, string>
  } catch (error) {
    requireFiles(error, pack)
    return { path: contentsFile(pack), state: "is gone, or can't be read" }
  }
  for (const [name, wanted] of Object.entries(contents)) {
    const path = join(pack, name)
    const found = await mark(path, wanted !== "").catch((error: unknown) => requireFiles(error, pack))
    if (found === undefined) return { path, state: "is gone, or can't be read" }
    if (found !== wanted) return { path, state: "is not what was uploaded" }
  }
  return undefined
}

function requireFiles(error: unknown, pack: string): undefined {
  if (["EMFILE", "ENFILE"].includes(errnoName(error) ?? "")) throw storageError(error, `read "${pack}"`)
}

async function mark(path: string, isFile: boolean): Promise<string> {
  if (isFile)
    return createHash("sha256")
      .update(await readFile(path))
      .digest("hex")
  await lstat(path)
  return ""
}
