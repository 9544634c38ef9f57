import { createHmac, randomBytes } from "node:crypto"
import { appendFile, open, readFile } from "node:fs/promises"
import { dirname } from "node:path"
import { makeFolder } from "../make-folder.ts"
import { systemReason } from "../system-reason.ts"
import { requireNoPipe } from "./require-no-pipe.ts"
import { matchesPatternList } from "./ssh-pattern.ts"

/** A line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT) that is about the host in question. */
export interface KnownHost {
  marker: "@revoked" | "@cert-authority" | undefined
  /** `ssh-ed25519`, `ssh-rsa`… */
  type: string
  key: Buffer
  file: string
  /** Counted from 1. */
  line: number
}

/** The name under which a host's key is kept: `host`, or `[host]:port` for another port than 22. */
export function knownHostName(host: string, port: number): string {
  const name = host.toLowerCase()
  return port === 22 ? name : `[${name}]:${port}`
}

/** What the files say about `name`. Files that don't exist and lines that make no sense say nothing, as in OpenSSH. */
export async function readKnownHosts(files: readonly string[], name: string): Promise<KnownHost[]> {
  const texts = await Promise.all(files.map((file) => readIfFile(file).catch(() => "")))
  return files.flatMap((file, index) => {
    const lines = (texts[index] ?? "").split(/\r?\n/)
    return lines.flatMap((line, number) => parseLine(line, name, file, number + 1))
  })
}

/** A file whose keys can't be known: for `ssh`, too, none is in it. */
export interface UnreadFile {
  file: string
  why: string
  step: string
}

/** The first of the files that is there but can't be read, or is no text in UTF-8, such as what PowerShell's > writes. */
export async function unreadAmong(files: readonly string[]): Promise<UnreadFile | undefined> {
  for (const file of files) {
    try {
      if ((await readIfFile(file)).includes("\0")) return { file, why: "is not UTF-8", step: "save it as UTF-8" }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code?.startsWith("E") === true && !["ENOENT", "ENOTDIR"].includes(code)) {
        const why = `can't be read (${systemReason(error).reason})`
        return { file, why, step: "check its owner and its permissions" }
      }
    }
  }
  return undefined
}

async function readIfFile(path: string): Promise<string> {
  requireNoPipe(path)
  return await readFile(path, "utf8")
}

function parseLine(text: string, name: string, file: string, line: number): KnownHost[] {
  if (/^\s*(#|$)/.test(text)) return []
  const words = text.trim().split(/\s+/)
  const first = words[0]
  const marker = first === "@revoked" || first === "@cert-authority" ? first : undefined
  if (marker !== undefined) words.shift()
  else if (first?.startsWith("@") === true) return []
  const [hosts, type, key] = words
  if (hosts === undefined || type === undefined || key === undefined || !namesHost(hosts, name)) return []
  const blob = Buffer.from(key, "base64")
  // A key carries its own type first; anything else is no key, and proves nothing.
  if (!blob.subarray(4).toString("latin1").startsWith(type)) return []
  return [{ marker, type, key: blob, file, line }]
}

function namesHost(hosts: string, name: string): boolean {
  const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(hosts)
  if (hashed !== null) {
    const salt = Buffer.from(hashed[1] ?? "", "base64")
    return hash(name, salt) === hashed[2]
  }
  return matchesPatternList(name, hosts.toLowerCase().split(","))
}

function hash(name: string, salt: Buffer): string {
  return createHmac("sha1", salt).update(name).digest("base64")
}

/** Adds a line for a host, readable by the owner alone where the file has to be made; the folder, too. */
export async function recordKnownHost(
  file: string,
  name: string,
  key: { type: string; blob: Buffer },
  hashed: boolean,
): Promise<void> {
  makeFolder(dirname(file))
  const salt = randomBytes(20)
  const host = hashed ? `|1|${salt.toString("base64")}|${hash(name, salt)}` : name
  const line = `${host} ${key.type} ${key.blob.toString("base64")}\n`
  await appendFile(file, (await endsInsideLine(file)) ? `\n${line}` : line, { mode: 0o600 })
}

/** Whether the last line lacks its end, so that what is appended would become part of it. */
async function endsInsideLine(file: string): Promise<boolean> {
  const handle = await open(file, "r").catch(() => undefined)
  if (handle === undefined) return false
  try {
    const { size } = await handle.stat()
    if (size === 0) return false
    const last = Buffer.alloc(1)
    await handle.read(last, 0, 1, size - 1)
    return last[0] !== 0x0a
  } finally {
    await handle.close()
  }
}
