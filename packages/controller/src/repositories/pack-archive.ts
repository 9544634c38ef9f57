import { lstatSync, readFileSync, readlinkSync } from "node:fs"
import { dirname, join, relative, resolve, sep } from "node:path"
import { gzipSync } from "node:zlib"
import type { PackContents } from "./pack-contents.ts"
import { broken } from "./read-package.ts"
import { writeTar, type TarMember } from "./write-tar.ts"

/** A repository is code: more than this is data that lies in its folder by mistake. */
const MAX_BYTES = 256 * 1024 * 1024

/**
 * The contents as a gzipped tar whose bytes depend on nothing but names and contents.
 *
 * @throws DatamaestroError BROKEN_REPOSITORY when the package is too large to travel
 */
export function packArchive({ root, files }: PackContents, folder: string): Buffer {
  const members: TarMember[] = []
  let bytes = 0
  for (const path of files) {
    const name = slashes(relative(root, path))
    const found = lstatSync(path)
    if (found.isSymbolicLink()) {
      const link = slashes(relative(dirname(path), resolve(dirname(path), readlinkSync(path))))
      members.push({ name, link: link === "" ? "." : link })
    } else if (found.isFile()) {
      bytes += found.size
      if (bytes > MAX_BYTES) {
        const limit = `${MAX_BYTES / 1024 / 1024} MiB`
        throw broken(join(folder, "package.json"), `the package is too large to travel: more than ${limit}`)
      }
      members.push({ name, content: readFileSync(path), executable: (found.mode & 0o100) !== 0 })
    }
  }
  const packed = gzipSync(writeTar(members), { level: 9 })
  // RFC 1952: byte 9 names the operating system, which must not change the hash.
  packed[9] = 255
  return packed
}

export function slashes(path: string): string {
  return path.split(sep).join("/")
}
