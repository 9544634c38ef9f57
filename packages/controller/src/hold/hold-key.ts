import { createHash } from "node:crypto"
import { hostname } from "node:os"
import { hopBefore } from "../transport/ssh-hop.ts"
import { resolveSshSettings } from "../transport/ssh-settings-resolution.ts"
import type { SshSettings } from "../transport/ssh-settings.ts"
import type { SshTarget } from "../transport/ssh-target.ts"

/** Hosts that lead to one another in a circle: connecting fails, here it must only end. */
const MAX_HOPS = 16

/**
 * What two commands must have in common to use one connection: all that decides where it leads and how. The name
 * as typed is no part of it, nor are warnings.
 *
 * @param rest what else must be the same, such as the agent's hash
 * @throws DatamaestroError SSH_CONFIGURATION where the configuration can't be read here
 */
export function holdKey(target: SshTarget, rest: readonly string[]): string {
  const hops: unknown[] = []
  let settings: SshSettings | undefined = resolveSshSettings(target)
  const { transport = "", options, identityFiles, configFile = "" } = target
  for (let hop = 0; settings !== undefined && hop < MAX_HOPS; hop++) {
    const { label: _, warnings: __, ...deciding } = settings
    hops.push(deciding)
    settings = hopBefore(settings, target.configFile)?.settings
  }
  const everything = [hops, transport, options, identityFiles, configFile, rest, hostname(), process.getuid?.()]
  return createHash("sha256").update(JSON.stringify(everything)).digest("hex").slice(0, 16)
}
