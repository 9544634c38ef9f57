import { Connections, DatamaestroError, Encoder } from "@datamaestro/protocol"
import * as v from "valibot"
import type { CallOptions, PrepareCallOptions, ValueCallOptions } from "./dataset-calls.ts"
import type { DatasetOptions } from "./context.ts"
import type { LocalMachineOptions, MachineOptions } from "../machine.ts"
import type { Place } from "./place.ts"
import type { FindOptions, PrepareOptions, ValueOptions } from "./prepare-dataset.ts"

const texts = v.optional(v.array(v.string()))
const flag = v.optional(v.boolean())
const Name = v.pipe(v.string(), v.nonEmpty())

/** A schema for each option that a type has: one that is missing here, or is no option, does not compile. */
type SchemasOf<Options> = { [Name in keyof Required<Options>]: v.GenericSchema }

const call = {
  signal: v.optional(v.instance(AbortSignal)),
  onProgress: v.optional(v.function()),
  prompter: v.optional(v.looseObject({ available: v.boolean(), ask: v.function() })),
} satisfies SchemasOf<CallOptions>

const value = { ...call, encoder: v.optional(Encoder) } satisfies SchemasOf<ValueCallOptions>

const prepare = {
  ...value,
  accept: texts,
  download: flag,
  force: flag,
  keepDownloads: flag,
  connections: v.optional(Connections),
} satisfies SchemasOf<PrepareCallOptions>

const machine = {
  node: v.optional(Name),
  data: v.optional(Name),
  onDisconnect: v.optional(v.picklist(["continue", "cancel"])),
  relay: flag,
  launcher: v.optional(v.picklist(["slurm", "none"])),
  configFile: v.optional(v.string()),
  identityFiles: texts,
  sshOptions: texts,
  transport: v.optional(v.picklist(["ssh2", "openssh"])),
} satisfies SchemasOf<MachineOptions>

export const MACHINE_OPTIONS = Object.keys(machine) as readonly (keyof MachineOptions)[]

const place = {
  context: v.optional(v.union([Name, v.object({})])),
  host: v.optional(Name),
  ...machine,
} satisfies SchemasOf<Place>

const selection = v.optional(v.looseObject({}))

/** What each call takes: where one would leave `host` unheeded, the work would be done on another machine. */
const CALLS = {
  prepareDataset: { ...place, ...prepare, selection } satisfies SchemasOf<PrepareOptions>,
  getDataset: { ...place, ...value, selection } satisfies SchemasOf<ValueOptions>,
  findDataset: { ...place, ...call, selection } satisfies SchemasOf<FindOptions>,
  "Context.instance": {
    data: machine.data,
    node: machine.node,
    launcher: machine.launcher,
  } satisfies SchemasOf<LocalMachineOptions>,
  "Context.remote": { ...machine, ...call },
  dataset: { selection } satisfies SchemasOf<DatasetOptions>,
  prepare,
  start: prepare,
  value,
  info: call,
  jobs: call,
  attach: call,
  cancel: call,
  logs: call,
}

/**
 * Holds the options of a call of the library against what they may be, before anything is done.
 *
 * @throws DatamaestroError USAGE naming option and value
 */
export function checkOptions(call: keyof typeof CALLS, options: object): void {
  const known: v.ObjectEntries = CALLS[call]
  const checked = v.safeParse(v.strictObject(known), withoutAbsent(options))
  if (checked.success) return
  const [issue] = checked.issues
  const option = v.getDotPath(issue) ?? "options"
  if (issue.type === "strict_object" && issue.path !== undefined) {
    throw new DatamaestroError("USAGE", `Cannot use the option "${option}" of ${call}: there is none of that name`, {
      hint: `there are: ${Object.keys(known).join(", ")}`,
      details: { option },
    })
  }
  throw wrongValue(option, issue)
}

/** @throws DatamaestroError USAGE */
export function checkName(option: "host" | "job", name: string): void {
  const checked = v.safeParse(Name, name)
  if (!checked.success) throw wrongValue(option, checked.issues[0])
}

/** Whoever passes `undefined` leaves the option out. */
function withoutAbsent(options: object): unknown {
  if (typeof options !== "object" || options === null) return options
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

/** Where no word for a type says what to give. */
const MEANT: Readonly<Record<string, string>> = {
  prompter:
    "prompter is to be an object with `available`, true where somebody can be asked, and `ask(question)`, which returns a promise of the answer; leave it out where nobody is to be asked",
}

function wrongValue(option: string, issue: v.BaseIssue<unknown>): DatamaestroError {
  const value = typeof issue.input === "string" ? JSON.stringify(issue.input) : issue.received
  const [root = option] = option.split(".")
  const wanted = issue.expected === "!0" ? "a string that is not empty" : issue.expected
  return new DatamaestroError("USAGE", `Cannot use ${value} as ${option}`, {
    hint: MEANT[root] ?? (wanted === null ? undefined : `${option} is to be ${wanted}`),
    details: { option },
  })
}
