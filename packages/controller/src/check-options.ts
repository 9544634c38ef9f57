import { Connections, DatamaestroError, Encoder } from "@datamaestro/protocol"
import * as v from "valibot"

const texts = v.optional(v.array(v.string()))
const flag = v.optional(v.boolean())

/** All that calls of the library take, as the compiler holds those to who write TypeScript. */
const Options = v.strictObject({
  context: v.optional(v.union([v.string(), v.object({})])),
  host: v.optional(v.pipe(v.string(), v.nonEmpty())),
  node: v.optional(v.pipe(v.string(), v.nonEmpty())),
  data: v.optional(v.pipe(v.string(), v.nonEmpty())),
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

/**
 * Holds the options of a call of the library against what they may be, before anything is done.
 *
 * @throws DatamaestroError USAGE naming option and value
 */
export function checkOptions(options: object): void {
  const checked = v.safeParse(Options, options)
  if (checked.success) return
  const [issue] = checked.issues
  const option = v.getDotPath(issue) ?? "options"
  if (issue.type === "strict_object") {
    throw new DatamaestroError("USAGE", `Cannot use the option "${option}": there is none of that name`, {
      hint: `there are: ${Object.keys(Options.entries).join(", ")}`,
      details: { option },
    })
  }
  const value = typeof issue.input === "string" ? JSON.stringify(issue.input) : issue.received
  const wanted = issue.expected === "!0" ? "a string that is not empty" : issue.expected
  throw new DatamaestroError("USAGE", `Cannot use ${value} as ${option}`, {
    hint: wanted === null ? undefined : `${option} is to be ${wanted}`,
    details: { option },
  })
}
