import { DatamaestroError, PROTOCOL_VERSION, type AgentHandlers } from "@datamaestro/protocol"
import { arch, hostname, platform } from "node:os"
import type { AgentSession } from "../agent-session.ts"
import { dataDirectory } from "../data-directory.ts"

/** Versions and places. Waits for the login shell only when nothing else says where the data is. */
export function initializeHandlers(session: AgentSession, version: string): Pick<AgentHandlers, "initialize"> {
  return {
    initialize: async ({ protocol, controller, data, dataSetting, environment }) => {
      if (protocol !== PROTOCOL_VERSION) {
        throw new DatamaestroError(
          "PROTOCOL_MISMATCH",
          `Cannot speak with datamaestro ${controller}: it speaks protocol ${protocol}, this agent ${PROTOCOL_VERSION}`,
          { hint: "install datamaestro again, so that command and agent are of one version" },
        )
      }
      const leftOut = takeLeftOut()
      session.begin(environment === "login")
      await session.renewLogin()
      const login = environment === "login" && data === undefined ? await session.login() : undefined
      const { paths, source } = dataDirectory({
        option: data,
        environment: process.env,
        setting: dataSetting,
        base: session.base,
      })
      session.locate(paths)
      return {
        protocol: PROTOCOL_VERSION,
        agent: version,
        hostname: hostname(),
        platform: platform(),
        arch: arch(),
        node: process.versions.node,
        pid: process.pid,
        paths,
        dataSource: source,
        warnings: [leftOut, login?.warning].filter((warning) => warning !== undefined),
      }
    },
  }
}

/** What the start-up files want of Node was left out, since the agent does not start with it; told once. */
function takeLeftOut(): string | undefined {
  const options = process.env["DATAMAESTRO_LEFT_OUT"]
  delete process.env["DATAMAESTRO_LEFT_OUT"]
  if (options === undefined || options === "") return undefined
  return `NODE_OPTIONS of the start-up files on ${hostname()} was left out: the agent does not start with it. Correct or remove it there`
}
