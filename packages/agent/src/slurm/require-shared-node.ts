import { DatamaestroError } from "@datamaestro/protocol"

/** Where `--node bundled` keeps one when the home can't: below a temporary folder of the login node's own. */
const TEMPORARY = /\/datamaestro-\d+\/node\/[^/]+\/node$/

/**
 * Compute nodes run the Node of the login node, by its path.
 *
 * @throws DatamaestroError LAUNCHER_FAILED where it was brought into a folder that they don't see
 */
export function requireSharedNode(node: string): void {
  if (!TEMPORARY.test(node)) return
  throw new DatamaestroError(
    "LAUNCHER_FAILED",
    `Cannot run Node in an allocation: it is kept at "${node}", which compute nodes don't see`,
    {
      hint: "let ~/.cache/datamaestro have room and run programs, and remove that one; or name a Node that compute nodes have with --node PATH",
      details: { path: node },
    },
  )
}
