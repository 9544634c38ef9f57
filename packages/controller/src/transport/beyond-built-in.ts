import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { connect } from "node:net"
import { homedir } from "node:os"
import { join } from "node:path"
import { listAgentIdentities } from "./agent-identities.ts"
import { readHostKey } from "./host-key.ts"
import { knownHostName, readKnownHosts } from "./known-hosts.ts"
import { requireNoPipe } from "./require-no-pipe.ts"
import { MAX_JUMPS } from "./ssh-hop.ts"
import { resolveSshSettings } from "./ssh-settings-resolution.ts"
import type { SshSettings } from "./ssh-settings.ts"
import type { SshTarget } from "./ssh-target.ts"
import { chooseAlgorithms } from "./ssh2-algorithms.ts"

/**
 * What a target's configuration, and the files it names, need that the built-in client lacks; jump hosts included.
 * Nothing for most people, at the cost of a few looks at files.
 *
 * @throws DatamaestroError SSH_CONFIGURATION
 */
export async function beyondBuiltIn(target: SshTarget, own: SshSettings): Promise<string[]> {
  const found: string[] = []
  const hosts = [own]
  // The list grows while it is walked: a jump host may have others before it.
  for (const settings of hosts) {
    found.push(
      ...settings.beyond,
      ...(await sharedConnection(settings)),
      ...missingAlgorithms(settings),
      ...(await beyondInFiles(settings)),
    )
    for (const destination of settings.proxyJump) {
      if (hosts.length > MAX_JUMPS) break
      hosts.push(resolveSshSettings({ destination, configFile: target.configFile, identityFiles: [], options: [] }))
    }
  }
  return [...new Set(found)]
}

function missingAlgorithms({ algorithms, compression }: SshSettings): string[] {
  const found: string[] = []
  chooseAlgorithms(algorithms, compression, [], (_, option) => found.push(`"${option}"`))
  return found
}

async function beyondInFiles(settings: SshSettings): Promise<string[]> {
  const found = await Promise.all([beyondInIdentities(settings), beyondInAgent(settings), beyondInKnownHosts(settings)])
  return found.flat()
}

/** Certificates and hardware keys that an agent offers; with IdentitiesOnly the files tell of those that count. */
async function beyondInAgent(settings: SshSettings): Promise<string[]> {
  const { identityAgent, identitiesOnly, authenticationMethods } = settings
  if (identityAgent === undefined || identitiesOnly || !authenticationMethods.includes("publickey")) return []
  const found: string[] = []
  for (const { type, comment } of await listAgentIdentities(identityAgent)) {
    const name = `"${comment.replace(/\p{C}/gu, "")}" of the SSH agent`
    if (type.includes("-cert-v0")) found.push(`the certificate ${name}`)
    else if (type.startsWith("sk-")) found.push(`the hardware key ${name}`)
  }
  return found
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
  const read = async (): Promise<string> => {
    requireNoPipe(file)
    return await readFile(file, "utf8")
  }
  const content = await read().catch(() => "")
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(content)?.[1]
  if (body === undefined) return content.startsWith("sk-")
  return Buffer.from(body, "base64").subarray(0, 512).includes("sk-")
}

/** A connection that the person has made, perhaps by a code that nobody should be asked for again. */
async function sharedConnection({ controlPath }: SshSettings): Promise<string[]> {
  if (controlPath === undefined || !existsSync(controlPath)) return []
  const listens = await new Promise<boolean>((resolve) => {
    const socket = connect(controlPath)
    const settle = (there: boolean): void => {
      socket.destroy()
      resolve(there)
    }
    socket.on("connect", () => settle(true)).on("error", () => settle(false))
  })
  return listens ? [`the use of your shared connection (ControlPath ${controlPath})`] : []
}

/**
 * A line that trusts an authority for the host: its certificates say more than its plain keys. And where no line has the
 * host, what a name server may say of it.
 */
async function beyondInKnownHosts(settings: SshSettings): Promise<string[]> {
  const { hostKeyAlias, hostName, port, verifyHostKeyDns } = settings
  const files = [...settings.userKnownHostsFiles, ...settings.globalKnownHostsFiles]
  const names = hostKeyAlias === undefined ? [knownHostName(hostName, port), hostName.toLowerCase()] : [hostKeyAlias]
  const known = (await Promise.all(names.map((name) => readKnownHosts(files, name.toLowerCase())))).flat()
  const authority = known.find((entry) => entry.marker === "@cert-authority")
  if (authority !== undefined) {
    const { fingerprint } = readHostKey(authority.key)
    return [`@cert-authority ${fingerprint} (${authority.file}, line ${authority.line})`]
  }
  return verifyHostKeyDns && known.length === 0 ? ["VerifyHostKeyDNS, for a host whose key is not known"] : []
}
