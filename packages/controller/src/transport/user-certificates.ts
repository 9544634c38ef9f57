import { readFile } from "node:fs/promises"
import { listAgentIdentities } from "./agent-identities.ts"
import type { OpensshConfiguration } from "./openssh-configuration.ts"
import { requireNoPipe } from "./require-no-pipe.ts"

/** One by which a person may log in. Servers refuse it without a word of why. */
export interface UserCertificate {
  /** As it is told. */
  name: string
  /** When it begins and ends, in milliseconds since 1970: many sites' last for a day. */
  start: number
  end: number
  /** The accounts that it is for, or what a server maps to them; none where it doesn't say. */
  users: readonly string[]
}

/** A person's certificates, in the files that ssh would look at, and in the agent. */
export async function userCertificates({
  certificateFiles,
  identityAgent,
}: Pick<OpensshConfiguration, "certificateFiles" | "identityAgent">): Promise<UserCertificate[]> {
  const read = async (path: string): Promise<{ name: string; blob: Buffer }> => {
    requireNoPipe(path)
    const [, base64 = ""] = (await readFile(path, "utf8")).trim().split(/\s+/)
    return { name: `"${path}"`, blob: Buffer.from(base64, "base64") }
  }
  const files = await Promise.all(certificateFiles.map((path) => read(path).catch(() => undefined)))
  const held = identityAgent === undefined ? [] : await listAgentIdentities(identityAgent)
  const inAgent = held.map(({ comment, blob }) => ({ name: `"${comment}" of the SSH agent`, blob }))
  return [...files, ...inAgent].flatMap((found) => {
    const certificate = found === undefined ? undefined : parse(found.blob)
    return found === undefined || certificate === undefined ? [] : [{ name: found.name, ...certificate }]
  })
}

/** What stands behind the fields of the key itself, see PROTOCOL.certkeys of OpenSSH; nothing of what is no certificate. */
function parse(blob: Buffer): Omit<UserCertificate, "name"> | undefined {
  let at = 0
  const next = (from = blob): Buffer => {
    const length = from.readUInt32BE(at)
    at += 4 + length
    return from.subarray(at - length, at)
  }
  try {
    const type = next().toString("latin1")
    if (!type.includes("-cert-v0")) return undefined
    const ofKey = type.startsWith("sk-ecdsa") ? 3 : type.startsWith("ssh-ed25519") ? 1 : 2
    // A random number comes first; serial number and kind, name and users, and the beginning between the key and the end.
    for (let field = 0; field < 1 + ofKey; field++) next()
    at += 8 + 4
    next()
    const listed = next()
    const [start, end] = [0, 8].map((field) => Number(blob.readBigUInt64BE(at + field)) * 1000) as [number, number]
    const users: string[] = []
    for (at = 0; at < listed.length;) users.push(next(listed).toString())
    return { start, end, users }
  } catch {
    // None, or cut short.
    return undefined
  }
}
