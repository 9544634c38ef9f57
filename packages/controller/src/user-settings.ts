import {
  DatamaestroError,
  decodeJsonDocument,
  NotList,
  noSettingsFile,
  parseJsonDocument,
  requireOnce,
  SlurmOptions,
} from "@datamaestro/protocol"
import { createHash } from "node:crypto"
import { readFileSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, isAbsolute, join } from "node:path"
import { makeFolder } from "./make-folder.ts"
import { systemReason } from "./system-reason.ts"
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
  /** Agreement id to the SHA-256, in hex, of the text that was accepted; only of those that have one. */
  agreement_texts: v.optional(v.pipe(NotList, v.record(v.string(), v.string()))),
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
  return parse(readText(path), path)
}

/**
 * Records that an agreement was accepted now, and the SHA-256 of its text if it has one, keeping every other byte of the
 * file as it is.
 */
export async function rememberAgreement(
  { id, text }: { id: string; text?: string | undefined },
  path: string = userSettingsPath(),
): Promise<void> {
  const { applyEdits, modify } = await import("jsonc-parser")
  const formattingOptions = { insertSpaces: true, tabSize: 2, eol: "\n" }
  const set = (json: string, key: string, value: string | undefined): string =>
    applyEdits(json, modify(json, [key, id], value, { formattingOptions }))
  const before = readText(path) ?? "{}\n"
  const known = parse(before, path).agreement_texts?.[id] !== undefined
  for (const key of ["agreements", "agreement_texts"]) requireOnce(before, path, [key, id])
  const accepted = set(before, "agreements", new Date().toISOString())
  const sum = text === undefined ? undefined : createHash("sha256").update(text).digest("hex")
  const after = sum === undefined && !known ? accepted : set(accepted, "agreement_texts", sum)
  const { replaceFile } = await import("./replace-file.ts")
  try {
    makeFolder(dirname(path))
    await replaceFile(path, after, 0o600)
  } catch (error) {
    throw storageError("write", path, error)
  }
}

function parse(text: string | undefined, path: string): UserSettings {
  return text === undefined ? {} : parseJsonDocument(text, path, UserSettings)
}

function readText(path: string): string | undefined {
  try {
    // A pipe would keep whoever opens it.
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) throw noSettingsFile(path)
    return decodeJsonDocument(readFileSync(path), path)
  } catch (error) {
    if (error instanceof DatamaestroError) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ENOTDIR") return undefined
    throw storageError("read", path, error)
  }
}

function storageError(verb: string, path: string, cause: unknown): DatamaestroError {
  const { code, reason } = systemReason(cause)
  return new DatamaestroError(code, `Cannot ${verb} "${path}": ${reason}`, {
    hint: "check the file's permissions, or point XDG_CONFIG_HOME to another folder",
    details: { path },
    cause,
  })
}
