import type { Algorithms } from "ssh2"
import { matchesPattern } from "./ssh-pattern.ts"
import type { AlgorithmPreferences } from "./ssh-settings.ts"

/** What ssh2 1.17 can do and one should want; SHA-1 only where the configuration asks for it. */
const KEX = [
  "curve25519-sha256",
  "curve25519-sha256@libssh.org",
  "ecdh-sha2-nistp256",
  "ecdh-sha2-nistp384",
  "ecdh-sha2-nistp521",
  "diffie-hellman-group-exchange-sha256",
  "diffie-hellman-group16-sha512",
  "diffie-hellman-group18-sha512",
  "diffie-hellman-group14-sha256",
]

/**
 * AES-GCM first: with the processor's help it is the fastest. No ChaCha20-Poly1305 and no CBC with encrypt-then-MAC,
 * on which Terrapin (CVE-2023-48795) rests with servers that lack strict key exchange; ssh2 itself offers that.
 */
const CIPHERS = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr"]

const MACS = [
  "hmac-sha2-256-etm@openssh.com",
  "hmac-sha2-512-etm@openssh.com",
  "hmac-sha2-256",
  "hmac-sha2-512",
  "hmac-sha1",
]

const HOST_KEYS = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
]

/** By which keys of persons sign. */
const SIGNATURES = [...HOST_KEYS, "ssh-rsa"]

/** Further ones that a configuration may add by name. */
const EXTRA: Readonly<Record<string, readonly string[]>> = {
  kex: [
    "diffie-hellman-group15-sha512",
    "diffie-hellman-group17-sha512",
    "diffie-hellman-group-exchange-sha1",
    "diffie-hellman-group14-sha1",
  ],
  cipher: [],
  mac: ["hmac-sha1-etm@openssh.com"],
  hostKey: ["ssh-rsa"],
}

/**
 * @param knownTypes types of host keys that known_hosts has for the host: asked for first, so that it shows one of them
 * @param warn called for a list of which nothing can be honoured
 */
export function chooseAlgorithms(
  preferences: AlgorithmPreferences,
  compression: boolean,
  knownTypes: readonly string[],
  warn: (message: string, directive: string) => void,
): Algorithms {
  const choose = (name: keyof AlgorithmPreferences, option: string, defaults: readonly string[]): string[] => {
    const list = preferences[name]
    if (list === undefined) return [...defaults]
    const chosen = apply(list, defaults, [...defaults, ...(EXTRA[name] ?? [])])
    if (chosen.length > 0) return chosen
    const directive = `${option} ${list}`
    warn(`The built-in SSH client has none of the algorithms of "${directive}" and uses its own`, directive)
    return [...defaults]
  }
  const known = new Set(knownTypes.flatMap((type) => (type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256"] : [type])))
  const hostKeys = choose("hostKey", "HostKeyAlgorithms", HOST_KEYS)
  const first = hostKeys.filter((name) => known.has(name))
  return {
    kex: choose("kex", "KexAlgorithms", KEX),
    cipher: choose("cipher", "Ciphers", CIPHERS),
    hmac: choose("mac", "MACs", MACS),
    serverHostKey: [...first, ...hostKeys.filter((name) => !known.has(name))],
    compress: compression ? ["zlib@openssh.com", "none"] : ["none"],
  } as Algorithms
}

/** Whether a key of a type may log in: an RSA key signs in several ways, as the server takes it. */
export function acceptsKeyType(list: string | undefined, type: string): boolean {
  if (list === undefined) return true
  const own = type === "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [type]
  return apply(list, SIGNATURES, SIGNATURES).some((name) => own.includes(name))
}

/** As ssh_config(5) has it: a list, or `+` appends, `-` removes, `^` moves to the front of the defaults. */
function apply(list: string, defaults: readonly string[], possible: readonly string[]): string[] {
  const operator = /^[-+^]/.exec(list)?.[0]
  const patterns = (operator === undefined ? list : list.slice(1)).split(",")
  const named = patterns.flatMap((pattern) => possible.filter((name) => matchesPattern(name, pattern)))
  if (operator === "-") return defaults.filter((name) => !named.includes(name))
  if (operator === "+") return [...new Set([...defaults, ...named])]
  if (operator === "^") return [...new Set([...named, ...defaults])]
  return [...new Set(named)]
}
