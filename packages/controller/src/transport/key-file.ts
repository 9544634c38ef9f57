import { DatamaestroError } from "@datamaestro/protocol"
import { readFile, stat } from "node:fs/promises"
import ssh2, { type ParsedKey } from "ssh2"
import { readHostKey } from "./host-key.ts"
import { keyLabel, signWith, type KeyCandidate, type LazyKeyCandidate, type SignatureHash } from "./key-candidate.ts"
import { rewritePemKey } from "./pem-key.ts"
import type { Prompter } from "./prompter.ts"
import { requireNoPipe } from "./require-no-pipe.ts"
import type { SshSettings } from "./ssh-settings.ts"

/** Who is asked for passphrases. */
export interface KeyAsking {
  prompter: Prompter
  /** Whether anything may be asked. */
  mayAsk: boolean
}

export interface KeyFile {
  publicKey: ParsedKey | undefined
  /** Absent when the file has only the public half. */
  load: LazyKeyCandidate | undefined
}

/** A key file as the configuration names it; what keeps it from being used is told in `problems`. */
export async function readKeyFile(
  file: string,
  settings: SshSettings,
  problems: string[],
  asking: KeyAsking,
): Promise<KeyFile | undefined> {
  let content: string
  try {
    requireNoPipe(file)
    content = await readFile(file, "utf8")
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT"
    const beside = await readPublicKey(`${file}.pub`)
    // A public key beside nothing stands for a key that the agent holds.
    if (beside !== undefined) return { publicKey: beside, load: undefined }
    if (settings.identityFilesNamed) problems.push(`${file} ${missing ? "does not exist" : "can't be read"}`)
    return undefined
  }
  const parsed = parse(content)
  if (!(parsed instanceof Error) && !parsed.isPrivateKey()) return { publicKey: parsed, load: undefined }
  if (await isOpenToOthers(file)) {
    problems.push(`${file} is left alone because others can read it (chmod 600 it)`)
    return undefined
  }
  if (!(parsed instanceof Error)) {
    const candidate = openCandidate(file, parsed)
    return { publicKey: parsed, load: () => Promise.resolve(candidate) }
  }
  if (!/encrypted|passphrase/i.test(parsed.message)) {
    problems.push(`${file} is no private key that can be read: ${parsed.message}`)
    return undefined
  }
  const publicKey = readEmbeddedPublicKey(content) ?? (await readPublicKey(`${file}.pub`))
  const unlock = (): Promise<ParsedKey> => unlockKey(file, content, asking)
  if (publicKey === undefined) {
    // Only the passphrase tells which key this is.
    const load = async (): Promise<KeyCandidate | undefined> => openCandidate(file, await unlock())
    return { publicKey: undefined, load }
  }
  const candidate: KeyCandidate = {
    label: keyLabel(file, publicKey),
    publicKey,
    sign: async (data, hash) => signWith(await unlock(), data, hash),
  }
  return { publicKey, load: () => Promise.resolve(candidate) }
}

function openCandidate(file: string, key: ParsedKey): KeyCandidate {
  const sign = (data: Buffer, hash: SignatureHash | undefined): Promise<Buffer> =>
    Promise.resolve(signWith(key, data, hash))
  return { label: keyLabel(file, key), publicKey: key, privateKey: key, sign }
}

function parse(content: string, passphrase?: string): ParsedKey | Error {
  const parsed = ssh2.utils.parseKey(content, passphrase)
  if (parsed instanceof Error) {
    if (!/unsupported key format/i.test(parsed.message)) return parsed
    const rewritten = rewritePemKey(content, passphrase)
    return typeof rewritten === "string" ? parse(rewritten) : (rewritten ?? parsed)
  }
  return Array.isArray(parsed) ? (parsed[0] ?? new Error("it has no key")) : parsed
}

async function readPublicKey(file: string): Promise<ParsedKey | undefined> {
  const content = await readFile(file, "utf8").catch(() => undefined)
  const parsed = content === undefined ? undefined : parse(content)
  return parsed instanceof Error ? undefined : parsed
}

/** OpenSSH's own format keeps the public half readable (PROTOCOL.key): magic, cipher, KDF, its options, count, key. */
function readEmbeddedPublicKey(content: string): ParsedKey | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(content)?.[1]
  if (body === undefined) return undefined
  const data = Buffer.from(body, "base64")
  let offset = "openssh-key-v1\0".length
  try {
    const next = (): Buffer => {
      const length = data.readUInt32BE(offset)
      offset += 4 + length
      return data.subarray(offset - length, offset)
    }
    for (let skipped = 0; skipped < 3; skipped++) next()
    offset += 4
    const blob = next()
    const parsed = parse(`${readHostKey(blob).type} ${blob.toString("base64")}`)
    return parsed instanceof Error ? undefined : parsed
  } catch {
    return undefined
  }
}

async function isOpenToOthers(file: string): Promise<boolean> {
  if (process.platform === "win32") return false
  const { mode, uid } = await stat(file)
  return uid === process.getuid?.() && (mode & 0o077) !== 0
}

/** Unlocked keys by file, so that several hosts at once cost one question. */
const unlocked = new Map<string, Promise<ParsedKey>>()

function unlockKey(file: string, content: string, asking: KeyAsking): Promise<ParsedKey> {
  const known = unlocked.get(file)
  if (known !== undefined) return known
  const key = askForPassphrase(file, content, asking)
  unlocked.set(file, key)
  key.catch(() => unlocked.delete(file))
  return key
}

async function askForPassphrase(file: string, content: string, asking: KeyAsking): Promise<ParsedKey> {
  if (!asking.mayAsk) {
    throw new DatamaestroError("AUTHENTICATION_FAILED", `Cannot use key "${file}": it is encrypted`, {
      hint: "there is no terminal to ask for its passphrase on: load it into an SSH agent with ssh-add first",
    })
  }
  for (let attempt = 0; attempt < 3; attempt++) {
    const preface = attempt === 0 ? undefined : "That is not its passphrase."
    const passphrase = await asking.prompter.ask({ text: `Passphrase for key "${file}":`, preface, hidden: true })
    if (passphrase === "") break
    const key = parse(content, passphrase)
    if (!(key instanceof Error) && key.isPrivateKey()) return key
  }
  throw new DatamaestroError("AUTHENTICATION_FAILED", `Cannot use key "${file}": its passphrase was not given`, {
    hint: `check the passphrase with: ssh-keygen -y -f "${file}"`,
  })
}
