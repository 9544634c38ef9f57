import type { SshConnectOptions } from "../transport/ssh-connect-options.ts"
import type { SshTarget } from "../transport/ssh-target.ts"
import type { Transport } from "../transport/transport.ts"
import { attachToHolder } from "./attach-to-holder.ts"
import { holdFolder } from "./hold-folder.ts"
import { holdKey } from "./hold-key.ts"
import { currentSocket } from "./holder-address.ts"

/** What is to be held, besides where it leads. */
export interface HoldOptions {
  /** How long after its last command. */
  minutes: number
  /** What else two commands must have in common to share a connection. */
  with: readonly string[]
}

/**
 * The connection that is held for a target; where there is none, one that will be.
 *
 * @returns nothing where no connection can be held; then one has to be made without
 * @throws DatamaestroError of the connection kind, INTERRUPTED
 */
export async function connectHeld(
  target: SshTarget,
  hold: HoldOptions,
  options: SshConnectOptions,
): Promise<Transport | undefined> {
  const folder = holdFolder(true)
  const key = folder === undefined ? undefined : keyOf(target, hold)
  if (folder === undefined || key === undefined) return undefined
  const current = currentSocket(folder, key)
  const held = current === undefined ? undefined : await attachToHolder(current, true, options)
  if (held !== undefined) return held
  const { startHolder } = await import("./start-holder.ts")
  const mayAsk = options.prompter.available
  const socket = await startHolder({ target, folder, key, minutes: hold.minutes, mayAsk })
  return socket === undefined ? undefined : await attachToHolder(socket, false, options)
}

/** A configuration that only the system's ssh can read has its own way to hold connections (ControlPersist). */
function keyOf(target: SshTarget, hold: HoldOptions): string | undefined {
  try {
    return holdKey(target, hold.with)
  } catch {
    return undefined
  }
}
