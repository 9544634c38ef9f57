import { DatamaestroError } from "@datamaestro/protocol"
import { resolveSshSettings } from "./ssh-settings-resolution.ts"
import type { SshSettings } from "./ssh-settings.ts"
import type { SshTarget } from "./ssh-target.ts"

/** Hosts that lead to one another in a circle must not be followed for ever. */
export const MAX_JUMPS = 8

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

/**
 * The system's `ssh` starts another one for each host on the way: where they lead in a circle, as many as the machine
 * can take, which go on when it has ended.
 *
 * @throws DatamaestroError SSH_CONFIGURATION
 */
export function requireEndOfJumps(target: SshTarget): void {
  let settings = readableSettings(target)
  for (let jumps = 0; settings !== undefined; jumps++) {
    if (jumps > MAX_JUMPS) throw tooManyJumps(target.destination)
    settings = hopBefore(settings, target.configFile)?.settings
  }
}

/** What a configuration says that we can't read is for `ssh` to tell. */
function readableSettings(target: SshTarget): SshSettings | undefined {
  try {
    return resolveSshSettings(target)
  } catch {
    return undefined
  }
}

export function tooManyJumps(label: string): DatamaestroError {
  return new DatamaestroError(
    "SSH_CONFIGURATION",
    `Cannot reach "${label}": its ProxyJump leads through more than ${MAX_JUMPS} hosts`,
    {
      hint: "look for hosts that jump through one another; ProxyJump none ends a chain",
      details: { host: label },
    },
  )
}
