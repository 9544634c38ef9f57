import { readFile } from "node:fs/promises"
import { listAgentIdentities } from "./agent-identities.ts"
import type { OpensshConfiguration } from "./openssh-configuration.ts"
import { requireNoPipe } from "./require-no-pipe.ts"

/** Those of a person's certificates that are over, and since when: servers refuse them without a word, and many sites' last for a day. */
export async function expiredCertificates({
  certificateFiles,
  identityAgent,
}: Pick<OpensshConfiguration, "certificateFiles" | "identityAgent">): Promise<string[]> {
  const read = async (path: string): Promise<Certificate> => {
    requireNoPipe(path)
    const [, base64 = ""] = (await readFile(path, "utf8")).trim().split(/\s+/)
    return { name: `"${path}"`, blob: Buffer.from(base64, "base64") }
  }
  const files = await Promise.all(certificateFiles.map((path) => read(path).catch(() => undefined)))
  const held = identityAgent === undefined ? [] : await listAgentIdentities(identityAgent)
  const inAgent = held.map(({ comment, blob }) => ({ name: `"${comment}" of the SSH agent`, blob }))
  return [...files, ...inAgent].flatMap((certificate) => {
    if (certificate === undefined) return []
    const end = endOf(certificate.blob)
    return end === undefined || end > Date.now() ? [] : [`${certificate.name} (${new Date(end).toISOString()})`]
  })
}

interface Certificate {
  name: string
  blob: Buffer
}

/** When it ends, in milliseconds since 1970: behind the fields of the key itself, see PROTOCOL.certkeys of OpenSSH. */
function endOf(blob: Buffer): number | undefined {
  let at = 0
  const next = (): Buffer => {
    const length = blob.readUInt32BE(at)
    at += 4 + length
    return blob.subarray(at - length, at)
  }
  try {
    const type = next().toString("latin1")
    if (!type.includes("-cert-v0")) return undefined
    const ofKey = type.startsWith("sk-ecdsa") ? 3 : type.startsWith("ssh-ed25519") ? 1 : 2
    // A random number comes first; serial number and kind, name and users, and the beginning between the key and the end.
    for (let field = 0; field < 1 + ofKey; field++) next()
    at += 8 + 4
    next()
    next()
    return Number(blob.readBigUInt64BE(at + 8)) * 1000
  } catch {
    // None, or cut short.
    return undefined
  }
}
