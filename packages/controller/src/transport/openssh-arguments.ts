import { parseSshDestination } from "./ssh-destination.ts"
import type { SshTarget } from "./ssh-target.ts"

/**
 * The arguments that name a target to OpenSSH's programs, destination last, in the order in which the first value of
 * an option wins: what `-o` says, then what was typed with the destination.
 *
 * @param own options of ours, before everything else
 * @throws DatamaestroError SSH_CONFIGURATION
 */
export function opensshArguments(target: SshTarget, own: readonly string[] = []): string[] {
  const { host, user, port } = parseSshDestination(target.destination)
  return [
    ...own,
    ...(target.configFile === undefined ? [] : ["-F", target.configFile]),
    ...target.options.flatMap((option) => ["-o", option]),
    ...target.identityFiles.flatMap((file) => ["-i", file]),
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    "--",
    host,
  ]
}

/** Options of every call: a plain channel, whatever the configuration makes of an interactive session. */
export const PLAIN_CHANNEL = [
  "-T",
  "-x",
  ...["RemoteCommand=none", "PermitLocalCommand=no", "ClearAllForwardings=yes"].flatMap((option) => ["-o", option]),
]
