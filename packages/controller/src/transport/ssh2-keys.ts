import { DatamaestroError } from "@datamaestro/protocol"
import { readFile, stat } from "node:fs/promises"
import ssh2, { type BaseAgent, type ParsedKey } from "ssh2"
import { readHostKey, type Notice } from "./host-key.ts"
import { rewritePemKey } from "./pem-key.ts"
import type { Prompter } from "./prompter.ts"
import { requireNoPipe } from "./require-no-pipe.ts"
import type { SshSettings } from "./ssh-settings.ts"

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

interface KeyContext {
  prompter: Prompter
  /** Whether anything may be asked. */
  mayAsk: boolean
  onNotice: Notice
}

/**
 * The keys in OpenSSH's order: those of the agent that the configuration names, the agent's others (unless
 * IdentitiesOnly), then files. Keys that can't be used are told about in `problems` and left out.
 */
export async function loadKeyCandidates(
  settings: SshSettings,
  context: KeyContext,
): Promise<{ candidates: LazyKeyCandidate[]; problems: string[] }> {
  // Read side by side, told in the order of the configuration.
  const agentProblems: string[] = []
  const fileProblems = settings.identityFiles.map((): string[] => [])
  const [agentKeys, files] = await Promise.all([
    listAgentKeys(settings.identityAgent, agentProblems),
    Promise.all(
      settings.identityFiles.map((file, index) => readIdentity(file, settings, fileProblems[index] ?? [], context)),
    ),
  ])
  const blobOf = (key: ParsedKey): string => key.getPublicSSH().toString("base64")
  const named = new Set(files.flatMap((file) => (file?.publicKey === undefined ? [] : [blobOf(file.publicKey)])))
  const ready =
    (candidate: KeyCandidate): LazyKeyCandidate =>
    () =>
      Promise.resolve(candidate)

  const fromAgent = agentKeys.filter((key) => named.has(blobOf(key.publicKey)))
  if (!settings.identitiesOnly) fromAgent.push(...agentKeys.filter((key) => !named.has(blobOf(key.publicKey))))
  const held = new Set(fromAgent.map((key) => blobOf(key.publicKey)))
  const fromFiles = files.flatMap((file) => {
    if (file === undefined || (file.publicKey !== undefined && held.has(blobOf(file.publicKey)))) return []
    return file.load === undefined ? [] : [file.load]
  })
  return { candidates: [...fromAgent.map(ready), ...fromFiles], problems: [...agentProblems, ...fileProblems.flat()] }
}

/** Hands one candidate to ssh2, whose own agent support tries all keys of an agent and hides what came of each. */
export function asAgent(candidate: KeyCandidate): BaseAgent {
  class OneKeyAgent extends ssh2.BaseAgent<ParsedKey> {
    override getIdentities(callback: ssh2.IdentityCallback<ParsedKey>): void {
      callback(null, [candidate.publicKey])
    }
    override sign(
      _key: ParsedKey,
      data: Buffer,
      options: ssh2.SigningRequestOptions | ssh2.SignCallback,
      callback?: ssh2.SignCallback,
    ): void {
      const done = typeof options === "function" ? options : callback
      const hash = typeof options === "function" ? undefined : options.hash
      const answer = async (): Promise<void> => {
        let signature: Buffer
        try {
          signature = await candidate.sign(data, hash)
        } catch (error) {
          return done?.(error instanceof Error ? error : new Error(String(error)))
        }
        done?.(null, signature)
      }
      void answer()
    }
  }
  return new OneKeyAgent()
}

/** How long an agent may take to tell what it has, in milliseconds: one that asks somebody does so when it signs. */
const AGENT_PATIENCE = 5000

async function listAgentKeys(socket: string | undefined, problems: string[]): Promise<KeyCandidate[]> {
  if (socket === undefined) return []
  const agent = ssh2.createAgent(socket)
  const keys = await new Promise<ParsedKey[] | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), AGENT_PATIENCE)
    agent.getIdentities((_error, identities) => {
      clearTimeout(timer)
      resolve(identities as ParsedKey[] | undefined)
    })
  })
  if (keys === undefined) {
    problems.push(`the SSH agent at ${socket} does not answer`)
    return []
  }
  return keys.map((publicKey) => ({
    label: labelOf(publicKey.comment === "" ? "a key of the SSH agent" : `agent key ${publicKey.comment}`, publicKey),
    publicKey,
    sign: (data, hash) =>
      new Promise<Buffer>((resolve, reject) => {
        agent.sign(publicKey, data, hash === undefined ? {} : { hash }, (error, signature) => {
          if (signature === undefined) reject(error ?? new Error("the SSH agent did not sign"))
          else resolve(signature)
        })
      }),
  }))
}

interface Identity {
  publicKey: ParsedKey | undefined
  /** Absent when the file has only the public half. */
  load: LazyKeyCandidate | undefined
}

async function readIdentity(
  file: string,
  settings: SshSettings,
  problems: string[],
  context: KeyContext,
): Promise<Identity | undefined> {
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
  const unlock = (): Promise<ParsedKey> => unlockKey(file, content, context)
  if (publicKey === undefined) {
    // Only the passphrase tells which key this is.
    const load = async (): Promise<KeyCandidate | undefined> => openCandidate(file, await unlock())
    return { publicKey: undefined, load }
  }
  const candidate: KeyCandidate = {
    label: labelOf(file, publicKey),
    publicKey,
    sign: async (data, hash) => signWith(await unlock(), data, hash),
  }
  return { publicKey, load: () => Promise.resolve(candidate) }
}

function openCandidate(file: string, key: ParsedKey): KeyCandidate {
  const sign = (data: Buffer, hash: SignatureHash | undefined): Promise<Buffer> =>
    Promise.resolve(signWith(key, data, hash))
  return { label: labelOf(file, key), publicKey: key, privateKey: key, sign }
}

/** @throws Error when the key can't sign */
export function signWith(key: ParsedKey, data: Buffer, hash: SignatureHash | undefined): Buffer {
  const signature: Buffer | Error = hash === undefined ? key.sign(data) : key.sign(data, hash)
  if (signature instanceof Error) throw signature
  return signature
}

function labelOf(name: string, key: ParsedKey): string {
  return `${name} (${readHostKey(key.getPublicSSH()).fingerprint})`
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

function unlockKey(file: string, content: string, context: KeyContext): Promise<ParsedKey> {
  const known = unlocked.get(file)
  if (known !== undefined) return known
  const key = askForPassphrase(file, content, context)
  unlocked.set(file, key)
  key.catch(() => unlocked.delete(file))
  return key
}

async function askForPassphrase(file: string, content: string, context: KeyContext): Promise<ParsedKey> {
  if (!context.mayAsk) {
    throw new DatamaestroError("AUTHENTICATION_FAILED", `Cannot use key "${file}": it is encrypted`, {
      hint: "there is no terminal to ask for its passphrase on: load it into an SSH agent with ssh-add first",
    })
  }
  for (let attempt = 0; attempt < 3; attempt++) {
    const preface = attempt === 0 ? undefined : "That was not it."
    const passphrase = await context.prompter.ask({ text: `Passphrase for key "${file}":`, preface, hidden: true })
    if (passphrase === "") break
    const key = parse(content, passphrase)
    if (!(key instanceof Error) && key.isPrivateKey()) return key
  }
  throw new DatamaestroError("AUTHENTICATION_FAILED", `Cannot use key "${file}": its passphrase was not given`, {
    hint: `check the passphrase with: ssh-keygen -y -f "${file}"`,
  })
}
