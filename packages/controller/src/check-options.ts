import { Connections, DatamaestroError, Encoder } from "@datamaestro/protocol"
import * as v from "valibot"

const texts = v.optional(v.array(v.string()))
const flag = v.optional(v.boolean())
const Name = v.pipe(v.string(), v.nonEmpty())

/** All that any call of the library takes, as the compiler holds those to who write TypeScript. */
const Options = v.strictObject({
  context: v.optional(v.union([v.string(), v.object({})])),
  host: v.optional(Name),
  node: v.optional(Name),
  data: v.optional(Name),
  onDisconnect: v.optional(v.picklist(["continue", "cancel"])),
  relay: flag,
  launcher: v.optional(v.picklist(["slurm", "none"])),
  configFile: v.optional(v.string()),
  identityFiles: texts,
  sshOptions: texts,
  transport: v.optional(v.picklist(["ssh2", "openssh"])),
  onProgress: v.optional(v.function()),
  accept: texts,
  encoder: v.optional(Encoder),
  download: flag,
  force: flag,
  keepDownloads: flag,
  connections: v.optional(Connections),
  signal: v.optional(v.any()),
  prompter: v.optional(v.any()),
  selection: v.optional(v.any()),
})

const CALL = ["signal", "onProgress", "prompter"] as const
const PREPARE = [...CALL, "accept", "encoder", "download", "force", "keepDownloads", "connections"] as const
const CONNECT = [
  "node",
  "data",
  "onDisconnect",
  "relay",
  "launcher",
  "configFile",
  "identityFiles",
  "sshOptions",
  "transport",
] as const
const PLACE = ["context", "host", ...CONNECT] as const

/** What takes which of them: where a call would leave `host` unheeded, the work would be done on another machine. */
const TAKEN = {
  prepareDataset: [...PLACE, ...PREPARE, "selection"],
  getDataset: [...PLACE, ...CALL, "encoder", "selection"],
  findDataset: [...PLACE, ...CALL, "selection"],
  "Context.instance": ["data", "node", "launcher"],
  "Context.remote": [...CONNECT, ...CALL],
  prepare: PREPARE,
  start: PREPARE,
  value: [...CALL, "encoder"],
  info: CALL,
  jobs: CALL,
  attach: CALL,
  cancel: CALL,
  logs: CALL,
} as const satisfies Record<string, readonly (keyof typeof Options.entries)[]>

/**
 * Holds the options of a call of the library against what they may be, before anything is done.
 *
 * @throws DatamaestroError USAGE naming option and value
 */
export function checkOptions(call: keyof typeof TAKEN, options: object): void {
  const known = TAKEN[call]
  const checked = v.safeParse(v.pick(Options, known), withoutAbsent(options))
  if (checked.success) return
  const [issue] = checked.issues
  const option = v.getDotPath(issue) ?? "options"
  if (issue.type === "strict_object" && issue.path !== undefined) {
    throw new DatamaestroError("USAGE", `Cannot use the option "${option}" of ${call}: there is none of that name`, {
      hint: `there are: ${known.join(", ")}`,
      details: { option },
    })
  }
  throw wrongValue(option, issue)
}

/** @throws DatamaestroError USAGE */
export function checkHost(host: string): void {
  const checked = v.safeParse(Name, host)
  if (!checked.success) throw wrongValue("host", checked.issues[0])
}

/** Whoever passes `undefined` leaves the option out. */
function withoutAbsent(options: object): unknown {
  if (typeof options !== "object" || options === null) return options
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function wrongValue(option: string, issue: v.BaseIssue<unknown>): DatamaestroError {
  const value = typeof issue.input === "string" ? JSON.stringify(issue.input) : issue.received
  const wanted = issue.expected === "!0" ? "a string that is not empty" : issue.expected
  return new DatamaestroError("USAGE", `Cannot use ${value} as ${option}`, {
    hint: wanted === null ? undefined : `${option} is to be ${wanted}`,
    details: { option },
  })
}
