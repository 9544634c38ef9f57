import {
  belowHome,
  DatamaestroError,
  decodeJsonDocument,
  GlobalSettings,
  noSettingsFile,
  parseJsonDocument,
  type Paths,
} from "@datamaestro/protocol"
import { readFileSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { join, resolve } from "node:path"
import { systemReason } from "../system-reason.ts"

/** This machine's data directory: the argument, else `DATAMAESTRO_DIR`, else `~/datamaestro`; absolute. */
export function localPaths(data?: string): Paths {
  const fromEnvironment = process.env["DATAMAESTRO_DIR"]
  const chosen = data ?? (fromEnvironment === "" ? undefined : fromEnvironment) ?? join(homedir(), "datamaestro")
  // As the agent reads it: a leading `~` is the home folder, also where no shell has replaced it.
  const below = belowHome(chosen)
  const root = below === undefined ? resolve(chosen) : resolve(homedir(), `.${below}`)
  return {
    data: root,
    datasets: join(root, "data"),
    cache: join(root, "cache"),
    settings: join(root, "settings.json"),
  }
}

/**
 * The global settings of a data directory on this machine; without a file they are empty.
 *
 * @throws DatamaestroError MALFORMED_SETTINGS with line and column, PERMISSION_DENIED, STORAGE_FAILED
 */
export function readLocalSettings(path: string): GlobalSettings {
  try {
    // Reading a pipe would wait for ever.
    if (!statSync(path).isFile()) throw noSettingsFile(path)
    return parseJsonDocument(decodeJsonDocument(readFileSync(path), path), path, GlobalSettings)
  } catch (error) {
    if (error instanceof DatamaestroError) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ENOTDIR") return {}
    const why = systemReason(error)
    throw new DatamaestroError(why.code, `Cannot read "${path}": ${why.reason}`, {
      hint: "check the permissions of the data directory",
      details: { path },
      cause: error,
    })
  }
}
