import type { Dirent } from "node:fs"
import { lstat, readdir, readlink, symlink, unlink } from "node:fs/promises"
import { dirname, isAbsolute, join, relative, sep } from "node:path"
import type { PlacedFile } from "../pipeline-types.ts"
import { errnoName } from "../store/errno-name.ts"
import { linkEscapes } from "../store/link-targets.ts"
import { hashFile } from "../verify/hash-file.ts"

/** Where a step has written, and where that will be. */
export interface StepPlace {
  /** The file or folder that it has written. */
  output: string
  /** The dataset's folder, and the output's place in it. */
  folder: string
  target: string
  /** What it is made of and stays there, below the dataset's folder; "": the folder itself. */
  inputs: readonly string[]
}

export interface StepOutput {
  files: PlacedFile[]
  /** The symbolic links in it. */
  links: string[]
}

/**
 * What a step has written, by paths relative to the dataset's folder. What lies elsewhere, where a link leads out of that folder, is
 * no content of the dataset: it may change or go without a word, and is not what `copy` brings. Links by absolute paths, as it is told
 * them, to what it has written and to its inputs in that folder are made relative: so they hold where it is placed, moved and copied.
 *
 * @returns what is wrong with it, as text
 */
export async function readStepOutput(place: StepPlace, signal: AbortSignal): Promise<StepOutput | string> {
  const { output, target } = place
  const stat = await lstat(output).catch(() => undefined)
  if (stat === undefined) return "it ended without writing its output"
  if (stat.isSymbolicLink()) return `its output is a symbolic link, to "${await readlink(output)}"`
  if (stat.isFile()) return { files: [await hashed(output, target, signal)], links: [] }
  if (!stat.isDirectory()) return "its output is neither a file nor a folder"
  const files: PlacedFile[] = []
  const links = new Map<string, { target: string }>()
  for (const entry of await entriesBelow(output)) {
    const path = join(entry.parentPath, entry.name)
    if (path.includes("\ufffd") && (await orNothing(lstat(path))) === undefined) return notUtf8(path)
    const name = `${target}/${path.slice(output.length + 1).replaceAll(sep, "/")}`
    if (entry.isFile()) files.push(await hashed(path, name, signal))
    else if (entry.isSymbolicLink()) links.set(name, { target: await heldLink(path, name, place) })
  }
  for (const [path, link] of links) {
    const reason = linkEscapes(path.split("/"), links)
    if (reason !== undefined) return `of its output, "${path}" ${reason} ("${link.target}")`
  }
  return { files, links: [...links.keys()] }
}

/** All that is in a folder; of one whose name can't be read as text, nothing. */
async function entriesBelow(folder: string): Promise<Dirent[]> {
  const entries = (await orNothing(readdir(folder, { withFileTypes: true }))) ?? []
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => entriesBelow(join(folder, name)))
  return [...entries, ...(await Promise.all(below)).flat()]
}

/** A name that is not UTF-8 is, as text, one of nothing. */
async function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  return await work.catch((error: unknown) => {
    if (errnoName(error) === "ENOENT") return undefined
    throw error
  })
}

function notUtf8(path: string): string {
  return `the name of "${path}" in its output is not UTF-8, and could not be told in JSON`
}

/** @returns where a link leads to, once that is made relative where it can be */
async function heldLink(path: string, name: string, place: StepPlace): Promise<string> {
  const to = await readlink(path)
  const own = isAbsolute(to) ? ownPath(to, place) : undefined
  if (own === undefined) return to
  const held = relative(dirname(name), own).replaceAll(sep, "/")
  await unlink(path)
  await symlink(held, path)
  return held
}

/** Where an absolute path will be below the dataset's folder; undefined where it is neither written by the step nor an input of it. */
function ownPath(path: string, { output, folder, target, inputs }: StepPlace): string | undefined {
  const written = pathBelow(output, path)
  if (written !== undefined) return join(target, written)
  const own = pathBelow(folder, path)
  if (own === undefined || own.startsWith(".")) return undefined
  return inputs.some((input) => pathBelow(input, own) !== undefined) ? own : undefined
}

function pathBelow(folder: string, path: string): string | undefined {
  const below = relative(folder, path)
  return isAbsolute(below) || /^\.\.(?:[/\\]|$)/.test(below) ? undefined : below
}

async function hashed(path: string, name: string, signal: AbortSignal): Promise<PlacedFile> {
  const { bytes, digests } = await hashFile(path, ["sha256"], { signal })
  return { path: name, bytes, sha256: digests.sha256 ?? "" }
}
