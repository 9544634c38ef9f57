import { DatamaestroError } from "@datamaestro/protocol"
import { createReadStream } from "node:fs"
import { open } from "node:fs/promises"
import { pipeline } from "node:stream/promises"
import { createGunzip, createGzip } from "node:zlib"
import { tarEntry } from "./tar-entry.ts"

const PROGRAM = "package/bin/node"

/**
 * Takes the program out of an npm package of Node, gzipped, into a new file.
 *
 * @throws DatamaestroError DOWNLOAD_FAILED where there is none in it
 */
export async function unpackNode(archive: string, packed: string): Promise<void> {
  const source = createReadStream(archive)
  const unpacked = createGunzip()
  source.once("error", (error) => unpacked.destroy(error))
  try {
    const program = tarEntry(source.pipe(unpacked), PROGRAM)
    const { value: beginning } = await program.next()
    if (beginning === undefined) {
      throw new DatamaestroError("DOWNLOAD_FAILED", `Cannot use "${archive}": that package has no "${PROGRAM}"`, {
        hint: "install Node on the data machine, and name it with --node PATH",
      })
    }
    const whole = async function* (): AsyncGenerator<Buffer> {
      yield beginning
      yield* program
    }
    const file = await open(packed, "wx", 0o600)
    await pipeline(whole, createGzip(), file.createWriteStream())
  } finally {
    // What stands behind the program is not read.
    source.destroy()
    unpacked.destroy()
  }
}
