import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import { interrupted } from "@datamaestro/protocol"
import picomatch from "picomatch"
import { gunzipBytes } from "../compression/decompress.ts"
import { byParts } from "./by-parts.ts"

const CHUNK_BYTES = 1024 * 1024

/** The MD5 sum of a folder's content, as `FolderSum` says. Links are followed, so that a folder of links has a sum too. */
export async function hashFolder(
  folder: string,
  glob: string,
  { signal, onBytes }: { signal: AbortSignal; onBytes: (bytes: number) => void },
): Promise<string> {
  const matches = picomatch(glob, { dot: true })
  const names = (await namesBelow(folder, glob.split("/").length, glob.includes("**"))).filter((name) => matches(name))
  const whole = createHash("md5")
  let bytes = 0
  for (const name of names.sort(byParts)) {
    const one = createHash("md5")
    const source = createReadStream(join(folder, name), { highWaterMark: CHUNK_BYTES })
    const plain: AsyncIterable<Buffer> = /\.gz$/i.test(name) ? gunzipBytes(source, { archive: name, signal }) : source
    try {
      for await (const chunk of plain) {
        if (signal.aborted) throw interrupted()
        one.update(chunk)
        bytes += chunk.length
        onBytes(bytes)
      }
    } finally {
      source.destroy()
    }
    whole.update(one.digest("hex"))
  }
  return whole.digest("hex")
}

/** The files below a folder, no deeper than the glob looks. */
async function namesBelow(folder: string, depth: number, endless: boolean, below = ""): Promise<string[]> {
  const names: string[] = []
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const name = below === "" ? entry.name : `${below}/${entry.name}`
    const kind = entry.isSymbolicLink() ? await stat(join(folder, name)).catch(() => undefined) : entry
    if (kind?.isFile() === true) names.push(name)
    else if (kind?.isDirectory() === true && (endless || depth > 1)) {
      names.push(...(await namesBelow(folder, depth - 1, endless, name)))
    }
  }
  return names
}
