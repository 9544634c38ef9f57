import { DatamaestroError } from "@datamaestro/protocol"
import { homedir, tmpdir } from "node:os"
import { dirname } from "node:path"
import type { AgentSession } from "../agent-session.ts"
import type { AllocatedProgram } from "./submit.ts"

/** Where `--node bundled` keeps one when the home can't: below a temporary folder of the login node's own. */
const TEMPORARY_NODE = /\/datamaestro-\d+\/node\/[^/]+\/node$/

/**
 * This agent, as another machine that shares the home folder can run it.
 *
 * @throws DatamaestroError LAUNCHER_FAILED where the agent has no file that others see, or its Node is in a folder of this machine
 */
export function allocatedProgram(
  { agentFile, packs, remote }: Pick<AgentSession, "agentFile" | "packs" | "remote">,
  node = process.execPath,
): AllocatedProgram {
  const cacheFolder = dirname(packs)
  const temporary = [tmpdir(), "/tmp", "/var/tmp", "/dev/shm", process.env["XDG_RUNTIME_DIR"] ?? "/dev/shm"]
  const uploaded = remote && temporary.some((place) => cacheFolder.startsWith(`${place}/`))
  const inHome = cacheFolder.startsWith(`${homedir()}/`)
  if (agentFile === undefined || (uploaded && !inHome)) {
    throw new DatamaestroError(
      "LAUNCHER_FAILED",
      `Cannot run the agent in an allocation: it is kept in "${agentFile === undefined ? "memory" : cacheFolder}", which compute nodes don't see`,
      { hint: "make ~/.cache/datamaestro writable: compute nodes must share the home folder with the login node" },
    )
  }
  if (TEMPORARY_NODE.test(node)) {
    throw new DatamaestroError(
      "LAUNCHER_FAILED",
      `Cannot run Node in an allocation: it is kept at "${node}", which compute nodes don't see`,
      {
        hint: "make sure that ~/.cache/datamaestro has space and may hold programs (no noexec), and remove that one; or name a Node that compute nodes have with --node PATH",
        details: { path: node },
      },
    )
  }
  return { node, agent: agentFile, cacheFolder }
}
