import { NotList, parseJsonDocument, requireOnce, SlurmOptions } from "@datamaestro/protocol"
import { createHash } from "node:crypto"
import { homedir } from "node:os"
import { dirname, isAbsolute, join } from "node:path"
import { AgreementTexts, agreementTextsPath, readAgreementTexts } from "./agreement-texts.ts"
import { makeFolder } from "./make-folder.ts"
import { readSettingsText, settingsError } from "./settings-text.ts"
import * as v from "valibot"

/** For how long a connection is held after its last command, in minutes; 0 is `off`, too. */
const HoldMinutes = v.union(
  [v.pipe(v.number(), v.minValue(0)), v.literal("off")],
  'must be a number of minutes, or "off"',
)

const launching = {
  /** What runs the work: an allocation of Slurm, or the machine itself. */
  launcher: v.optional(v.picklist(["slurm", "none"], 'must be "slurm" or "none"')),
  slurm: v.optional(v.pipe(NotList, SlurmOptions)),
}

const HostSettings = v.looseObject({
  ...launching,
  /** What is connected to instead of the name: `login.example.org`, `user@host:port`. */
  host: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^(?!-)[^\s\p{Cc}]+$/u, "must be an alias, user@host, user@host:port or ssh://user@host:port"),
    ),
  ),
  node: v.optional(v.pipe(v.string(), v.minLength(1, "must not be empty"))),
  data: v.optional(v.pipe(v.string(), v.minLength(1, "must not be empty"))),
  /** Which SSH client connects. */
  transport: v.optional(v.picklist(["ssh2", "openssh"], 'must be "ssh2" or "openssh"')),
  /** Whether downloads go out through this machine; by default when none can there. */
  relay: v.optional(v.boolean()),
  /** What becomes of work there when the connection is lost. */
  on_disconnect: v.optional(v.picklist(["continue", "cancel"])),
  /** How long a lost connection is tried to be made again, in minutes. */
  reconnect_minutes: v.optional(v.pipe(v.number(), v.minValue(0))),
  hold_minutes: v.optional(HoldMinutes),
})

const UserSettings = v.looseObject({
  /** For this machine. */
  ...launching,
  /** The repository searched first when an id is given without its domain. */
  default_repository: v.optional(v.string()),
  /** Agreement id to the date of acceptance, ISO 8601. */
  agreements: v.optional(v.pipe(NotList, v.record(v.string(), v.string()))),
  /** Read from a file of their own beside this one, where earlier versions had them here. */
  agreement_texts: v.optional(AgreementTexts),
  /** For hosts that say nothing of their own. */
  reconnect_minutes: v.optional(v.pipe(v.number(), v.minValue(0))),
  hold_minutes: v.optional(HoldMinutes),
  hosts: v.optional(v.pipe(NotList, v.record(v.string(), v.pipe(NotList, HostSettings)))),
})
/** `user.json`, read on the controller. Keys unknown to us are kept. */
export type UserSettings = v.InferOutput<typeof UserSettings>

/** `$XDG_CONFIG_HOME/datamaestro/user.json`; a relative `$XDG_CONFIG_HOME` is ignored, as its specification says. */
export function userSettingsPath(): string {
  const configured = process.env["XDG_CONFIG_HOME"]
  const folder = configured !== undefined && isAbsolute(configured) ? configured : join(homedir(), ".config")
  return join(folder, "datamaestro", "user.json")
}

/**
 * Reads the user settings; without a file they are empty.
 *
 * @throws DatamaestroError MALFORMED_SETTINGS with line and column, PERMISSION_DENIED, STORAGE_FAILED
 */
export function readUserSettings(path: string = userSettingsPath()): UserSettings {
  const settings = parse(readSettingsText(path), path)
  if (settings.agreements === undefined) return settings
  return { ...settings, agreement_texts: textsBeside(path, settings) }
}

/**
 * Records that an agreement was accepted now, keeping every other byte of the file as it is, and beside it the SHA-256
 * of its text if it has one.
 */
export async function rememberAgreement(
  { id, text }: { id: string; text?: string | undefined },
  path: string = userSettingsPath(),
): Promise<void> {
  const before = readSettingsText(path) ?? "{}\n"
  const settings = parse(before, path)
  for (const key of ["agreements", "agreement_texts"]) requireOnce(before, path, [key, id])
  const known = textsBeside(path, settings)
  const { [id]: _, ...others } = known
  const texts = text === undefined ? others : { ...others, [id]: createHash("sha256").update(text).digest("hex") }
  const { applyEdits, modify } = await import("jsonc-parser")
  const formattingOptions = { insertSpaces: true, tabSize: 2, eol: "\n" }
  const set = (json: string, key: string[], value: string | undefined): string =>
    applyEdits(json, modify(json, key, value, { formattingOptions }))
  const accepted = set(before, ["agreements", id], new Date().toISOString())
  const after = settings.agreement_texts === undefined ? accepted : set(accepted, ["agreement_texts"], undefined)
  // Before the agreement itself: alone it says nothing.
  if (Object.keys({ ...known, ...texts }).length > 0) {
    await write(agreementTextsPath(path), `${JSON.stringify(texts, null, 2)}\n`)
  }
  await write(path, after)
}

/** Those of earlier versions are in `user.json` itself. */
function textsBeside(path: string, { agreement_texts: inside }: UserSettings): AgreementTexts {
  return { ...inside, ...readAgreementTexts(agreementTextsPath(path)) }
}

async function write(path: string, text: string): Promise<void> {
  const { replaceFile } = await import("./replace-file.ts")
  try {
    makeFolder(dirname(path))
    await replaceFile(path, text, 0o600)
  } catch (error) {
    throw settingsError("write", path, error)
  }
}

function parse(text: string | undefined, path: string): UserSettings {
  return text === undefined ? {} : parseJsonDocument(text, path, UserSettings)
}
