import { lstat, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"

const LIST = ".datamaestro-pack.json"

/** Keeps in a pack that was just unpacked what is in it. */
export async function listContents(pack: string): Promise<void> {
  await writeFile(join(pack, LIST), JSON.stringify(await readdir(pack, { recursive: true })))
}

/** A path that has gone from a pack since, as storage that is cleaned by age leaves it; nothing where all is there. */
export async function goneFrom(pack: string): Promise<string | undefined> {
  const list = await readFile(join(pack, LIST), "utf8").catch(() => undefined)
  if (list === undefined) return join(pack, LIST)
  for (const name of JSON.parse(list) as string[]) {
    const path = join(pack, name)
    if ((await lstat(path).catch(() => undefined)) === undefined) return path
  }
  return undefined
}
