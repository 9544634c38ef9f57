import { DATAFOLDER_KEY_RULE, isDatafolderKey } from "@datamaestro/dataset"
import { DatamaestroError, type ProgressListener } from "@datamaestro/protocol"
import { stat } from "node:fs/promises"
import { expandPath } from "../data-directory.ts"
import type { SettingsFile } from "./settings.ts"

export interface NewDatafolder {
  key: string
  path: string
  /** What a relative path is relative to. */
  base: string
}

/**
 * A folder that is not there yet may be a mount that comes later: it is taken, and the person is told.
 *
 * @returns the absolute path
 * @throws DatamaestroError USAGE for a key that no definition could name, and for what is no folder's path
 */
export async function setDatafolder(
  file: SettingsFile,
  { key, path, base }: NewDatafolder,
  { signal, progress }: { signal: AbortSignal; progress: ProgressListener },
): Promise<string> {
  if (!isDatafolderKey(key)) {
    throw new DatamaestroError("USAGE", `Cannot use ${JSON.stringify(key)} as a data folder's key: not a name`, {
      hint: DATAFOLDER_KEY_RULE,
      details: { key },
    })
  }
  if (path.trim() === "" || path.includes("\0")) {
    throw new DatamaestroError("USAGE", `Cannot use ${JSON.stringify(path)} as a data folder: not a path`, {
      hint: "give the path of a folder on the data machine, such as /nfs/corpora",
      details: { path },
    })
  }
  const absolute = expandPath(path, base)
  const found = await stat(absolute).catch(() => undefined)
  if (found !== undefined && !found.isDirectory()) {
    throw new DatamaestroError("USAGE", `Cannot use "${absolute}" as a data folder: it is a file`, {
      hint: "name the folder that holds it",
      details: { path: absolute },
    })
  }
  if (found === undefined) {
    progress({ phase: "notice", level: "warning", message: `There is no folder "${absolute}" yet` })
  }
  await file.edit(() => ({ path: ["datafolders", key], value: absolute }), signal)
  return absolute
}

/** @throws DatamaestroError DATAFOLDER_MISSING */
export async function removeDatafolder(file: SettingsFile, key: string, signal: AbortSignal): Promise<void> {
  // Without a file there is nothing to remove, and no reason to make a data directory.
  if (!Object.hasOwn((await file.read()).datafolders ?? {}, key)) throw unknownKey(key, file.path)
  await file.edit(({ datafolders }) => {
    if (!Object.hasOwn(datafolders ?? {}, key)) throw unknownKey(key, file.path)
    return { path: ["datafolders", key], value: undefined }
  }, signal)
}

function unknownKey(key: string, path: string): DatamaestroError {
  return new DatamaestroError("DATAFOLDER_MISSING", `Cannot remove data folder "${key}": there is none of that key`, {
    hint: "`datamaestro datafolders list` shows those there are",
    details: { key, path },
  })
}
