import { createPrivateKey, type KeyObject } from "node:crypto"

const PEM = /-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----[\s\S]+?-----END \1-----/

/**
 * Rewrites a private key that OpenSSL can read (PKCS#8, encrypted or not, and what it makes of PEM) into a form that
 * ssh2 can read, too.
 *
 * @returns nothing where it is no such key; an Error says why it can't be read, in ssh2's words for a missing passphrase
 */
export function rewritePemKey(content: string, passphrase: string | undefined): string | Error | undefined {
  const [block] = PEM.exec(content) ?? []
  if (block === undefined) return undefined
  let key: KeyObject
  try {
    key = createPrivateKey({ key: block, ...(passphrase === undefined ? {} : { passphrase }) })
  } catch (error) {
    const encrypted = block.includes("ENCRYPTED")
    if (encrypted) return new Error("Encrypted private key: its passphrase is missing or wrong")
    return error instanceof Error ? error : new Error(String(error))
  }
  switch (key.asymmetricKeyType) {
    case "rsa":
      return key.export({ type: "pkcs1", format: "pem" }).toString()
    case "ec":
      return key.export({ type: "sec1", format: "pem" }).toString()
    case "ed25519":
      return openSshEd25519(key)
    default:
      return new Error(`it is of the kind ${key.asymmetricKeyType}, which SSH does not have`)
  }
}

/** OpenSSH's own format, unencrypted (PROTOCOL.key): for Ed25519 there is no older one. */
function openSshEd25519(key: KeyObject): string {
  const { x = "", d = "" } = key.export({ format: "jwk" })
  const [half, seed] = [Buffer.from(x, "base64url"), Buffer.from(d, "base64url")]
  const type = field("ssh-ed25519")
  const check = Buffer.alloc(8)
  const secret = Buffer.concat([check, type, field(half), field(Buffer.concat([seed, half])), field("")])
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7].slice(0, (8 - (secret.length % 8)) % 8))
  const body = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    ...["none", "none", ""].map(field),
    Buffer.from([0, 0, 0, 1]),
    field(Buffer.concat([type, field(half)])),
    field(Buffer.concat([secret, padding])),
  ])
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${body.toString("base64")}\n-----END OPENSSH PRIVATE KEY-----\n`
}

/** RFC 4251 section 5, string. */
function field(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content as string)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
