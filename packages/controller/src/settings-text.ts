import { DatamaestroError, decodeJsonDocument, noSettingsFile } from "@datamaestro/protocol"
import { readFileSync, statSync } from "node:fs"
import { systemReason } from "./system-reason.ts"

/** The text of a settings file; undefined where there is none. */
export function readSettingsText(path: string): string | undefined {
  try {
    // A pipe would keep whoever opens it.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) throw noSettingsFile(path)
    return decodeJsonDocument(readFileSync(path), path)
  } catch (error) {
    if (error instanceof DatamaestroError) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ENOTDIR") return undefined
    throw settingsError("read", path, error)
  }
}

export function settingsError(verb: string, path: string, cause: unknown): DatamaestroError {
  const { code, reason } = systemReason(cause)
  return new DatamaestroError(code, `Cannot ${verb} "${path}": ${reason}`, {
    hint: "check the file's permissions, or point XDG_CONFIG_HOME to another folder",
    details: { path },
    cause,
  })
}
