import { controllerVersion } from "../version.ts"
import type { Command } from "./command.ts"
import { tabLine } from "./tab-line.ts"

export interface Versions {
  datamaestro: string
  agent: string
  node: string
  platform: string
}

/** The versions of the controller, and of the agent and its Node on the data machine. */
export function version(): Command<Versions> {
  return {
    needsRepositories: false,
    severalHosts: "lines",
    async run({ session }) {
      const { agent, node, platform, arch } = session.initialized
      return { datamaestro: controllerVersion(), agent, node, platform: `${platform}-${arch}` }
    },
    text: (versions) =>
      Object.entries(versions)
        .map(([name, value]) => tabLine([name, value]))
        .join(""),
  }
}
