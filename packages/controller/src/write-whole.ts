import { randomBytes } from "node:crypto"
import { renameSync, rmSync, writeFileSync } from "node:fs"

/**
 * A whole file or none, for its owner alone, for any number of writers at once. What a power failure takes of it must be
 * noticed by the reader.
 */
export function writeWhole(path: string, data: Buffer | string): void {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`
  try {
    writeFileSync(temporary, data, { flag: "wx", mode: 0o600 })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}
