import { DatamaestroError, type AgentHandlers } from "@datamaestro/protocol"
import { stat } from "node:fs/promises"
import type { AgentSession } from "../agent-session.ts"
import { expandPath } from "../data-directory.ts"

type SettingsMethods = "settings/get" | "datafolders/list" | "datafolders/set" | "datafolders/remove"

/** The global settings, and the data folders in them. */
export function settingsHandlers(session: AgentSession): Pick<AgentHandlers, SettingsMethods> {
  return {
    "settings/get": () => session.settings(),

    "datafolders/list": async () => ({ datafolders: (await session.settings()).datafolders ?? {} }),

    // A folder that is not there yet may be a mount that comes later: it is taken, and the person is told.
    "datafolders/set": async ({ key, path }, { signal, progress }) => {
      checkKey(key)
      if (path.trim() === "" || path.includes("\0")) {
        throw new DatamaestroError("USAGE", `Cannot use ${JSON.stringify(path)} as a data folder: not a path`)
      }
      const absolute = expandPath(path, session.base)
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
      await session.settingsFile.edit(() => ({ path: ["datafolders", key], value: absolute }), signal)
      return { path: absolute }
    },

    "datafolders/remove": async ({ key }, { signal }) => {
      const file = session.settingsFile
      // Without a file there is nothing to remove, and no reason to make a data directory.
      if (!Object.hasOwn((await file.read()).datafolders ?? {}, key)) throw unknownKey(key, file.path)
      await file.edit(({ datafolders }) => {
        if (!Object.hasOwn(datafolders ?? {}, key)) throw unknownKey(key, file.path)
        return { path: ["datafolders", key], value: undefined }
      }, signal)
      return {}
    },
  }
}

function checkKey(key: string): void {
  if (/^[\p{L}\p{N}][\p{L}\p{N}_.-]*$/u.test(key)) return
  throw new DatamaestroError("USAGE", `Cannot use ${JSON.stringify(key)} as a data folder's key: not a name`, {
    hint: "use letters, digits, and any of _ . - after the first",
    details: { key },
  })
}

function unknownKey(key: string, path: string): DatamaestroError {
  return new DatamaestroError("DATAFOLDER_MISSING", `Cannot remove data folder "${key}": there is none of that key`, {
    hint: "`datamaestro datafolders list` shows those there are",
    details: { key, path },
  })
}
