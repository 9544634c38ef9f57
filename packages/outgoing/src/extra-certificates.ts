import { readFileSync } from "node:fs"
import type { Environment } from "./proxy.ts"

/** Files that were looked at for a warning. */
const looked = new Set<string>()

/** What NODE_EXTRA_CA_CERTS names. Where that can't be read, nothing: Node goes on without it, too. */
export function extraCertificates({ NODE_EXTRA_CA_CERTS: path }: Environment): string[] {
  try {
    return path ? [readFileSync(path, "utf8")] : []
  } catch {
    return []
  }
}

/** What to warn of where those certificates can't be read: once for each file. */
export function missingCertificates({ NODE_EXTRA_CA_CERTS: path }: Environment): string | undefined {
  if (!path || looked.has(path)) return undefined
  looked.add(path)
  try {
    readFileSync(path)
    return undefined
  } catch (error) {
    return `Going on without the certificates of "${path}", which NODE_EXTRA_CA_CERTS names: ${(error as Error).message}`
  }
}
