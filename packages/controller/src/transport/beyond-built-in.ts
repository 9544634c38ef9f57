import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { readHostKey } from "./host-key.ts"
import { knownHostName, readKnownHosts } from "./known-hosts.ts"
import { resolveSshSettings } from "./ssh-settings-resolution.ts"
import type { SshSettings } from "./ssh-settings.ts"
import type { SshTarget } from "./ssh-target.ts"
import { chooseAlgorithms } from "./ssh2-algorithms.ts"

const MAX_JUMPS = 8

/**
 * What a target's configuration, and the files it names, need that the built-in client lacks; jump hosts included.
 * Nothing for most people, at the cost of a few looks at files.
 *
 * @throws DatamaestroError SSH_CONFIGURATION
 */
export async function beyondBuiltIn(target: SshTarget, own: SshSettings): Promise<string[]> {
  const found: string[] = []
  let settings: SshSettings | undefined = own
  for (let hop = 0; settings !== undefined && hop < MAX_JUMPS; hop++) {
    found.push(...settings.beyond, ...missingAlgorithms(settings), ...(await beyondInFiles(settings)))
    const last: string | undefined = settings.proxyJump.at(-1)
    settings =
      last === undefined
        ? undefined
        : resolveSshSettings({ destination: last, configFile: target.configFile, identityFiles: [], options: [] })
  }
  return [...new Set(found)]
}

function missingAlgorithms({ algorithms }: SshSettings): string[] {
  const found: string[] = []
  chooseAlgorithms(algorithms, [], (_, option) => found.push(`"${option}"`))
  return found
}

async function beyondInFiles(settings: SshSettings): Promise<string[]> {
  const [identities, authority] = await Promise.all([beyondInIdentities(settings), certificateAuthority(settings)])
  return [...identities, ...authority]
}

/** Certificates beside keys, which OpenSSH takes unasked, and keys that live in a token. */
async function beyondInIdentities({ identityFiles, identityFilesNamed }: SshSettings): Promise<string[]> {
  const found = identityFiles.map((file) => `${file}-cert.pub`).filter((file) => existsSync(file))
  const there = identityFiles.filter((file) => existsSync(file))
  const tokens = ["id_ecdsa_sk", "id_ed25519_sk"].map((name) => join(homedir(), ".ssh", name))
  if (!identityFilesNamed && there.length === 0) found.push(...tokens.filter((file) => existsSync(file)))
  if (!identityFilesNamed) return found
  const inTokens = await Promise.all(there.map(async (file) => ((await isTokenKey(file)) ? [file] : [])))
  return [...found, ...inTokens.flat()]
}

/** OpenSSH's private keys name their type in clear (PROTOCOL.key): `sk-` starts those of FIDO tokens. */
async function isTokenKey(file: string): Promise<boolean> {
  const content = await readFile(file, "utf8").catch(() => "")
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(content)?.[1]
  if (body === undefined) return content.startsWith("sk-")
  return Buffer.from(body, "base64").subarray(0, 512).includes("sk-")
}

/** A line that trusts an authority for the host: its certificates say more than its plain keys. */
async function certificateAuthority(settings: SshSettings): Promise<string[]> {
  const { hostKeyAlias, hostName, port } = settings
  const files = [...settings.userKnownHostsFiles, ...settings.globalKnownHostsFiles]
  const names = hostKeyAlias === undefined ? [knownHostName(hostName, port), hostName.toLowerCase()] : [hostKeyAlias]
  const known = (await Promise.all(names.map((name) => readKnownHosts(files, name.toLowerCase())))).flat()
  const authority = known.find((entry) => entry.marker === "@cert-authority")
  if (authority === undefined) return []
  const { fingerprint } = readHostKey(authority.key)
  return [`@cert-authority ${fingerprint} (${authority.file}, line ${authority.line})`]
}
