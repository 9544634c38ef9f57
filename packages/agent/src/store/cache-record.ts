import * as v from "valibot"
import { errnoName } from "./errno-name.ts"
import { NotAFile, readPlainFile } from "./open-plain-file.ts"
import { parseHolder } from "./lock-holder.ts"

/** What is known of a whole entry, in `<key>.json` beside it. URLs carry no credentials. */
export const EntryRecord = v.object({
  url: v.optional(v.string()),
  source: v.optional(v.string()),
  bytes: v.number(),
  sha256: v.string(),
  etag: v.optional(v.string()),
  lastModified: v.optional(v.string()),
  /** When it was downloaded, ISO 8601; absent for an entry that another program left here. */
  downloaded: v.optional(v.string()),
})
export type EntryRecord = v.InferOutput<typeof EntryRecord>

/** What is known of an unfinished part, in a `.json.tmp` file beside it. */
export const PartRecord = v.object({
  url: v.string(),
  /** Where the bytes came from; absent while there are none. */
  source: v.optional(v.string()),
  /** Exactly as the server sent it, weak ones too. */
  etag: v.optional(v.string()),
  lastModified: v.optional(v.string()),
  /** Bytes of the whole download, when the server told. */
  length: v.optional(v.number()),
  /** The content coding that the server applied all the same. */
  encoding: v.optional(v.string()),
  /** `[start, end)` of what is known to be on the disk, ascending. */
  ranges: v.array(v.tuple([v.number(), v.number()])),
  /**
   * The same of what was handed to the operating system at least: good enough while that has not gone down. Only for
   * a part that has gaps; any other is all there up to its end.
   */
  written: v.optional(v.array(v.tuple([v.number(), v.number()]))),
  /** Its writer has stopped and left it to whoever comes. */
  released: v.optional(v.boolean()),
  /** Who writes it, as JSON. */
  holder: v.pipe(
    v.string(),
    v.check((text) => parseHolder(text) !== undefined),
  ),
})
export type PartRecord = v.InferOutput<typeof PartRecord>

/** Reads a record; `undefined` when it is missing or damaged: records only help, nothing is trusted for them. */
export async function readRecordFile<T>(path: string, schema: v.GenericSchema<unknown, T>): Promise<T | undefined> {
  const text = await readPlainFile(path).catch((error: unknown) => {
    if (error instanceof NotAFile) return undefined
    if (["ENOENT", "EACCES", "ESTALE"].includes(errnoName(error) ?? "")) return undefined
    throw error
  })
  if (text === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const result = v.safeParse(schema, value)
  return result.success ? result.output : undefined
}
