import * as fs from "node:fs"
import type { BootArguments, BootLine } from "../boot-protocol.ts"

/** What the controller wants. */
export const boot = JSON.parse(Buffer.from(process.argv[1] ?? "", "base64").toString()) as BootArguments

export function say(line: BootLine, prefix = ""): void {
  fs.writeSync(1, `${prefix}${JSON.stringify(line)}\n`)
}

export function fail(code: "NO_NODE" | "DEPLOY_FAILED", message: string, hint: string): never {
  say({ type: "failed", code, message, hint })
  process.exit(1)
}
