import type { Params } from "@datamaestro/protocol"
import { hostname, userInfo } from "node:os"
import type { AgentSession } from "../agent-session.ts"
import { AGENT_VERSION } from "../version.ts"
import { JOB_VERSION, type JobSpecification } from "./job-specification.ts"

/** A job that begins now, as asked for over this session. */
export function newSpecification(
  session: AgentSession,
  { id, request, detached }: { id: string; request: Params<"datasets/prepare">; detached: boolean },
): JobSpecification {
  // Who it was asked for together with means nothing to whoever carries it on.
  const { batch: _batch, ...own } = request
  return {
    version: JOB_VERSION,
    id,
    created: new Date().toISOString(),
    request: own,
    repositories: [...session.repositories],
    remote: session.remote,
    detached,
    host: hostname(),
    user: userName(),
    agent: AGENT_VERSION,
  }
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // An account that the user database doesn't know, as in some containers.
    return String(process.getuid?.() ?? "")
  }
}
