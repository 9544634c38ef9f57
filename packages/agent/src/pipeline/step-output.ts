import { lstat, readdir, readlink } from "node:fs/promises"
import { join } from "node:path"
import type { PlacedFile } from "../pipeline-types.ts"
import { linkEscapes } from "../store/link-targets.ts"
import { hashFile } from "../verify/hash-file.ts"

export interface StepOutput {
  files: PlacedFile[]
  /** The symbolic links in it. */
  links: string[]
}

/**
 * What a step has written, by paths relative to the dataset's folder. What lies elsewhere, where a link leads out of that folder, is
 * no content of the dataset: it may change or go without a word, and is not what `copy` brings.
 *
 * @returns what is wrong with it, as text
 */
export async function readStepOutput(
  output: string,
  target: string,
  signal: AbortSignal,
): Promise<StepOutput | string> {
  const stat = await lstat(output).catch(() => undefined)
  if (stat === undefined) return "it ended without writing its output"
  if (stat.isSymbolicLink()) return `its output is a symbolic link, to "${await readlink(output)}"`
  if (stat.isFile()) return { files: [await hashed(output, target, signal)], links: [] }
  if (!stat.isDirectory()) return "its output is neither a file nor a folder"
  const files: PlacedFile[] = []
  const links = new Map<string, { target: string }>()
  for (const entry of await readdir(output, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = `${target}/${path.slice(output.length + 1).replaceAll("\\", "/")}`
    if (entry.isFile()) files.push(await hashed(path, name, signal))
    else if (entry.isSymbolicLink()) links.set(name, { target: await readlink(path) })
  }
  for (const [path, link] of links) {
    const reason = linkEscapes(path.split("/"), links)
    if (reason !== undefined) return `of its output, "${path}" ${reason} ("${link.target}")`
  }
  return { files, links: [...links.keys()] }
}

async function hashed(path: string, name: string, signal: AbortSignal): Promise<PlacedFile> {
  const { bytes, digests } = await hashFile(path, ["sha256"], { signal })
  return { path: name, bytes, sha256: digests.sha256 ?? "" }
}
