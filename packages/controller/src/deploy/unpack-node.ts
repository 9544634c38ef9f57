import { createReadStream } from "node:fs"
import { open } from "node:fs/promises"
import { pipeline } from "node:stream/promises"
import { createGunzip, createGzip } from "node:zlib"
import { tarEntry } from "./tar-entry.ts"

/** Takes the program out of an npm package of Node, gzipped, into a new file. */
export async function unpackNode(archive: string, packed: string): Promise<void> {
  const source = createReadStream(archive)
  const unpacked = createGunzip()
  source.once("error", (error) => unpacked.destroy(error))
  try {
    const file = await open(packed, "wx", 0o600)
    await pipeline(tarEntry(source.pipe(unpacked), "package/bin/node"), createGzip(), file.createWriteStream())
  } finally {
    // What stands behind the program is not read.
    source.destroy()
    unpacked.destroy()
  }
}
