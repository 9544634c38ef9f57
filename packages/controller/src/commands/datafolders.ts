import { localPath } from "../machine.ts"
import type { Command } from "./command.ts"
import { tabLine } from "./tab-line.ts"

/** The data folders of the machine: `KEY<TAB>PATH`, one a line, sorted by key. */
export function listDatafolders(): Command<Record<string, string>> {
  return {
    needsRepositories: false,
    severalHosts: "lines",
    ahead: { method: "datafolders/list", params: {} },
    run: async ({ session, signal }) => (await session.agent.request("datafolders/list", {}, { signal })).datafolders,
    text: (datafolders) =>
      Object.entries(datafolders)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, path]) => tabLine([key, path]))
        .join(""),
  }
}

/** Names a folder of the machine; a relative path means the working directory's only on this machine. */
export function setDatafolder(key: string, path: string): Command<{ key: string; path: string }> {
  return {
    needsRepositories: false,
    severalHosts: "lines",
    async run({ session, signal, onProgress, invocation }) {
      const remote = invocation.options.host.length > 0
      const answer = await session.agent.request(
        "datafolders/set",
        { key, path: remote ? path : localPath(path) },
        { signal, onProgress },
      )
      return { key, path: answer.path }
    },
    text: () => "",
  }
}

export function removeDatafolder(key: string): Command<{ key: string }> {
  return {
    needsRepositories: false,
    severalHosts: "lines",
    async run({ session, signal }) {
      await session.agent.request("datafolders/remove", { key }, { signal })
      return { key }
    },
    text: () => "",
  }
}
