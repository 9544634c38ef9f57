import { createHash } from "node:crypto"
import { hostname } from "node:os"
import { resolveSshSettings } from "../transport/ssh-settings-resolution.ts"
import type { SshSettings } from "../transport/ssh-settings.ts"
import type { SshTarget } from "../transport/ssh-target.ts"

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
  for (let hop = 0; settings !== undefined && hop < 8; hop++) {
    const { label: _, warnings: __, ...deciding } = settings
    hops.push(deciding)
    const last: string | undefined = settings.proxyJump.at(-1)
    settings =
      last === undefined
        ? undefined
        : resolveSshSettings({ destination: last, configFile: target.configFile, identityFiles: [], options: [] })
  }
  const everything = [hops, transport, options, identityFiles, configFile, rest, hostname(), process.getuid?.()]
  return createHash("sha256").update(JSON.stringify(everything)).digest("hex").slice(0, 16)
}
