import { lstat, lutimes, mkdir, readdir, readlink, symlink } from "node:fs/promises"
import { dirname, join, sep } from "node:path"
import { DatamaestroError } from "@datamaestro/protocol"
import { linkFile } from "../store/link-file.ts"
import { lstatOrNothing } from "./replace-entry.ts"

/**
 * What a person has put into a folder that is about to be replaced stays in it, as rsync and tar leave it: it gets a
 * second name in what takes the folder's place, unless that has a file of the name; a link is made again. Nothing at the final path changes.
 *
 * @param next what takes the place of `final`: a file or a folder
 * @param isOwn whether we have put it there: a path below `final`, or "" for `final` itself
 * @throws DatamaestroError STORAGE_FAILED where something of the person's can't stay, since one of both is no folder
 */
export async function keepForeign(final: string, next: string, isOwn: (path: string) => boolean): Promise<void> {
  const [old, coming] = await Promise.all([lstatOrNothing(final), lstat(next)])
  if (old === undefined) return
  if (!old.isDirectory()) {
    if (coming.isDirectory() && !isOwn("")) throw inTheWay(final)
    return
  }
  for await (const { path, isLink } of entriesBelow(final, "")) {
    if (isOwn(path)) continue
    if (!coming.isDirectory()) throw inTheWay(final)
    await keep(final, next, path, isLink ? copyLink : linkFile)
  }
}

async function keep(
  final: string,
  next: string,
  path: string,
  make: (from: string, to: string) => Promise<void>,
): Promise<void> {
  const folders = path.split(sep).slice(0, -1)
  for (let length = 1; length <= folders.length; length++) {
    const coming = await lstatOrNothing(join(next, ...folders.slice(0, length)))
    // Nor through a link, which a step's output may have to anywhere.
    if (coming !== undefined && !coming.isDirectory()) throw inTheWay(join(final, path))
  }
  // What has a name that is not UTF-8 can't be named here.
  if ((await lstatOrNothing(join(final, path))) === undefined) throw inTheWay(join(final, path))
  const kept = join(next, path)
  await mkdir(dirname(kept), { recursive: true })
  const coming = await lstatOrNothing(kept)
  if (coming?.isDirectory() === true) throw inTheWay(join(final, path))
  if (coming === undefined) await make(join(final, path), kept)
}

async function copyLink(from: string, to: string): Promise<void> {
  await symlink(await readlink(from), to)
  const { atime, mtime } = await lstat(from)
  // Not every storage keeps the times of links.
  await lutimes(to, atime, mtime).catch(() => {})
}

/** Files and symbolic links. */
async function* entriesBelow(folder: string, path: string): AsyncGenerator<{ path: string; isLink: boolean }> {
  for (const entry of await readdir(join(folder, path), { withFileTypes: true })) {
    const name = join(path, entry.name)
    if (entry.isDirectory()) yield* entriesBelow(folder, name)
    else if (entry.isFile() || entry.isSymbolicLink()) yield { path: name, isLink: entry.isSymbolicLink() }
  }
}

function inTheWay(path: string): DatamaestroError {
  return new DatamaestroError("STORAGE_FAILED", `Cannot replace "${path}": datamaestro has not put it there`, {
    hint: "move it away, and run the command again",
    details: { path },
  })
}
