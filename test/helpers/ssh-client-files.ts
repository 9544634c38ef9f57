import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import ssh2 from "ssh2"

/** What a client needs for a server of the tests: an identity, known hosts, and an `ssh_config` that names them. */
export interface SshClientFiles {
  /** `-F` this: one `Host *` section; nothing of the person's own configuration is read. */
  configFile: string
  identityFile: string
  knownHostsFile: string
  /** The public half of `identityFile`, as a line of authorized_keys. */
  publicKey: string
}

export interface KeyPair {
  /** OpenSSH's own private key format. */
  private: string
  /** `type base64 comment`. */
  public: string
}

export type KeyType = "ed25519" | "rsa" | "ecdsa"

/**
 * A fresh key pair, by ssh2's own generator: no ssh-keygen needed. One Ed25519 key in a hundred comes out malformed
 * (a leading zero byte is lost), so each has to prove itself.
 */
export function generateKey(type: KeyType = "ed25519", passphrase?: string): KeyPair {
  for (;;) {
    const key = generateUnchecked(type, passphrase)
    if (works(key, passphrase)) return key
  }
}

function generateUnchecked(type: KeyType, passphrase: string | undefined): KeyPair {
  const encryption = passphrase === undefined ? {} : { passphrase, cipher: "aes256-ctr", rounds: 4 }
  const generate = ssh2.utils.generateKeyPairSync
  if (type === "ed25519") return generate("ed25519", { comment: "test", ...encryption })
  if (type === "rsa") return generate("rsa", { bits: 2048, comment: "test", ...encryption })
  return generate("ecdsa", { bits: 256, comment: "test", ...encryption })
}

function works(key: KeyPair, passphrase: string | undefined): boolean {
  const [pair, half] = [ssh2.utils.parseKey(key.private, passphrase), ssh2.utils.parseKey(key.public)]
  if (pair instanceof Error || half instanceof Error) return false
  const data = Buffer.from("to be signed")
  const signature: Buffer | Error = pair.sign(data)
  return !(signature instanceof Error) && half.verify(data, signature) === true
}

/** A line of known_hosts for a server on loopback. */
export function knownHostsLine(host: string, port: number, publicKey: string): string {
  const [type = "", blob = ""] = publicKey.split(" ")
  return `${port === 22 ? host : `[${host}]:${port}`} ${type} ${blob}`
}

export interface SshClientFilesOptions {
  host: string
  port: number
  user: string
  key: KeyPair
  hostKeys: readonly string[]
}

/** Writes them into `folder`. */
export async function writeSshClientFiles(folder: string, options: SshClientFilesOptions): Promise<SshClientFiles> {
  const { host, port, user, key, hostKeys } = options
  const identityFile = join(folder, "identity")
  const knownHostsFile = join(folder, "known_hosts")
  const configFile = join(folder, "ssh_config")
  await writeFile(identityFile, key.private, { mode: 0o600 })
  await writeFile(`${identityFile}.pub`, `${key.public}\n`)
  await writeFile(knownHostsFile, hostKeys.map((line) => `${knownHostsLine(host, port, line)}\n`).join(""))
  const lines = [
    "Host *",
    `  HostName ${host}`,
    `  Port ${port}`,
    `  User ${user}`,
    `  IdentityFile "${identityFile}"`,
    "  IdentitiesOnly yes",
    "  IdentityAgent none",
    `  UserKnownHostsFile "${knownHostsFile}"`,
    "  GlobalKnownHostsFile /dev/null",
  ]
  await writeFile(configFile, `${lines.join("\n")}\n`)
  return { configFile, identityFile, knownHostsFile, publicKey: key.public }
}

/** A folder of its own below the system's temporary one, and the way to be rid of it. */
export async function temporaryFolder(prefix = "datamaestro-"): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), prefix))
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) }
}
