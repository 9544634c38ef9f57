import { join } from "node:path"
import { opensshArguments } from "./openssh-arguments.ts"
import { runSsh, type OpensshConfiguration, type SshRun } from "./openssh-configuration.ts"
import type { SshTarget } from "./ssh-target.ts"

/** How long a connection that its controller left without a word (killed) stays, in seconds. */
const PERSIST = 30
/** How long a shared connection may take to answer, in milliseconds: one that hangs is none. */
const ANSWER = 3000

/** Which connection an `ssh` shares with others. */
export interface OpensshSharing {
  /** What makes `ssh` use the connection. */
  options: readonly string[]
  /** What makes `ssh` keep it. */
  masterOptions: readonly string[]
  connected: boolean
  /** Ours to end. */
  own: boolean
}

/** The person's own connection where one is configured and there, or is to be made and to stay; else one in `folder`. */
export async function chooseSharing(
  target: SshTarget,
  configuration: OpensshConfiguration,
  folder: string,
): Promise<OpensshSharing> {
  const { controlPath, controlPersists } = configuration
  if (controlPath !== undefined) {
    const answer = await tellShared(target, [], "check")
    if (answer === undefined) return ownSharing(folder)
    if (answer.code === 0) return { options: [], masterOptions: [], connected: true, own: false }
    // What is made now stays for as long as the person's configuration says.
    if (controlPersists) return { options: [], masterOptions: [], connected: false, own: false }
  }
  return ownSharing(folder)
}

function ownSharing(folder: string): OpensshSharing {
  const options = ["-o", `ControlPath=${socketIn(folder).replaceAll("%", "%%")}`]
  const masterOptions = ["-o", "ControlMaster=yes", "-o", `ControlPersist=${PERSIST}`]
  return { options, masterOptions, connected: false, own: true }
}

/** Where a connection of ours listens. */
export function socketIn(folder: string): string {
  return join(folder, "s")
}

/** Ends a connection of ours. */
export async function endSharing(target: SshTarget, options: readonly string[]): Promise<void> {
  await tellShared(target, options, "exit")
}

/**
 * Asks the `ssh` that keeps a connection whether it is there, or to end.
 *
 * @returns nothing where it has not answered in time
 */
export async function tellShared(
  target: SshTarget,
  options: readonly string[],
  word: "check" | "exit",
): Promise<SshRun | undefined> {
  const args = opensshArguments(target, [...options, "-O", word])
  return await runSsh(args, { signal: AbortSignal.timeout(ANSWER) }).catch(() => undefined)
}
