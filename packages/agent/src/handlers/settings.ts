import type { AgentHandlers } from "@datamaestro/protocol"
import type { AgentSession } from "../agent-session.ts"

type SettingsMethods = "settings/get" | "datafolders/list" | "datafolders/set" | "datafolders/remove"

/** The global settings, and the data folders in them. */
export function settingsHandlers(session: AgentSession): Pick<AgentHandlers, SettingsMethods> {
  return {
    "settings/get": () => session.settings(),

    "datafolders/list": async () => ({ datafolders: (await session.settings()).datafolders ?? {} }),

    "datafolders/set": async (given, context) => {
      const { setDatafolder } = await import("../store/edit-datafolders.ts")
      return { path: await setDatafolder(session.settingsFile, { ...given, base: session.base }, context) }
    },

    "datafolders/remove": async ({ key }, { signal }) => {
      const { removeDatafolder } = await import("../store/edit-datafolders.ts")
      await removeDatafolder(session.settingsFile, key, signal)
      return {}
    },
  }
}
