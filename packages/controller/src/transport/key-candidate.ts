import type { ParsedKey } from "ssh2"
import { readHostKey } from "./host-key.ts"

export type SignatureHash = "sha1" | "sha256" | "sha512"

/** A key that may open the door. */
export interface KeyCandidate {
  /** For messages: the file, or the agent's name for it, and the fingerprint. */
  label: string
  publicKey: ParsedKey
  /** The private key where it lies open in a file: it can sign without the server being asked first. */
  privateKey?: ParsedKey
  /** Signs after the server said that the key would do; may ask for a passphrase. */
  sign(data: Buffer, hash: SignatureHash | undefined): Promise<Buffer>
}

/** A candidate that can only be known by asking for its passphrase. */
export type LazyKeyCandidate = () => Promise<KeyCandidate | undefined>

/** @throws Error when the key can't sign */
export function signWith(key: ParsedKey, data: Buffer, hash: SignatureHash | undefined): Buffer {
  const signature: Buffer | Error = hash === undefined ? key.sign(data) : key.sign(data, hash)
  if (signature instanceof Error) throw signature
  return signature
}

/** How messages call a key: its name, and its fingerprint. */
export function keyLabel(name: string, key: ParsedKey): string {
  return `${name} (${readHostKey(key.getPublicSSH()).fingerprint})`
}
