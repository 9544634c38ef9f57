import {
  AgentClient,
  AgentServer,
  AGENT_METHODS,
  DatamaestroError,
  linkedPorts,
  type AgentHandlers,
  type Result,
} from "@datamaestro/protocol"
import type { Session } from "../../packages/controller/src/session/session.ts"

export interface LinkedSession extends Session {
  /** How often the session was closed. */
  readonly closed: number
}

/** A session with an agent in this process; what has no handler answers with an error. */
export function linkedSession(
  handlers: Partial<AgentHandlers>,
  initialized: Partial<Result<"initialize">> = {},
): LinkedSession {
  const [ours, theirs] = linkedPorts()
  void new AgentServer(theirs, { ...unexpected(), ...handlers }, { progressInterval: 0 })
  const agent = new AgentClient(ours)
  let closed = 0
  return {
    label: "linked",
    agent,
    initialized: {
      protocol: 1,
      agent: "1.2.3",
      hostname: "node1",
      platform: "linux",
      arch: "x64",
      node: "v20.20.2",
      pid: 1,
      paths: { data: "/d", datasets: "/d/data", cache: "/d/cache", settings: "/d/settings.json" },
      dataSource: "default",
      warnings: [],
      ...initialized,
    },
    async declareRepositories() {},
    async close() {
      closed++
      agent.close()
    },
    get closed() {
      return closed
    },
  }
}

function unexpected(): AgentHandlers {
  const handlers = Object.keys(AGENT_METHODS).map((method) => [
    method,
    () => {
      throw new DatamaestroError("UNEXPECTED", `Nobody handles "${method}" in this test`)
    },
  ])
  return Object.fromEntries(handlers) as AgentHandlers
}
