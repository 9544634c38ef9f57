import * as v from "valibot"
import type { BootLine } from "./boot-protocol.ts"

const Line: v.GenericSchema<unknown, BootLine> = v.variant("type", [
  v.object({
    type: v.literal("hello"),
    state: v.picklist(["present", "missing", "pushed"]),
    platform: v.string(),
    arch: v.string(),
    node: v.string(),
    execPath: v.string(),
    home: v.string(),
    leftOut: v.optional(v.string()),
  }),
  v.object({ type: v.literal("stored"), folder: v.optional(v.string()), warnings: v.array(v.string()) }),
  v.object({
    type: v.literal("failed"),
    code: v.picklist(["NO_NODE", "DEPLOY_FAILED"]),
    message: v.string(),
    hint: v.string(),
  }),
])

/** What the bootstrap says in a line; nothing for any other line. */
export function parseBootLine(line: string): BootLine | undefined {
  try {
    const parsed = v.safeParse(Line, JSON.parse(line))
    return parsed.success ? parsed.output : undefined
  } catch {
    return undefined
  }
}
