import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Runs work on a machine that has no programs at all, for what is looked up by `PATH`. */
export async function withoutPrograms<T>(work: () => Promise<T>): Promise<T> {
  const empty = mkdtempSync(join(tmpdir(), "datamaestro-empty-"))
  const before = process.env["PATH"]
  process.env["PATH"] = empty
  try {
    return await work()
  } finally {
    process.env["PATH"] = before
    rmSync(empty, { recursive: true })
  }
}
