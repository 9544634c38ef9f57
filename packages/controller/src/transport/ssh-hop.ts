import { resolveSshSettings } from "./ssh-settings-resolution.ts"
import type { SshSettings } from "./ssh-settings.ts"
import type { SshTarget } from "./ssh-target.ts"

/** A host on the way to another one. */
export interface SshHop {
  target: SshTarget
  settings: SshSettings
}

/**
 * The host that a connection goes through last, as ProxyJump says (ssh_config(5)): it is itself reached through those
 * named before it, else as its own configuration says. A hop has its own user, keys and host key: what was given for
 * the destination with -i and -o is not meant for it.
 *
 * @returns nothing where the connection is direct
 * @throws DatamaestroError SSH_CONFIGURATION
 */
export function hopBefore({ proxyJump }: SshSettings, configFile: SshTarget["configFile"]): SshHop | undefined {
  const last = proxyJump.at(-1)
  if (last === undefined) return undefined
  const target: SshTarget = { destination: last, configFile, identityFiles: [], options: [] }
  const own = resolveSshSettings(target)
  if (proxyJump.length === 1) return { target, settings: own }
  return { target, settings: { ...own, proxyJump: proxyJump.slice(0, -1), proxyCommand: undefined } }
}
