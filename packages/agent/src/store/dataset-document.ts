import { DatamaestroError, parseJsonDocument } from "@datamaestro/protocol"
import * as v from "valibot"
import { readPlainFile } from "./open-plain-file.ts"
import { storageError } from "./storage-error.ts"

const VERSION = 1

const Versioned = v.looseObject({ version: v.optional(v.pipe(v.number(), v.integer())) })

/**
 * Reads one of a dataset's own JSON files; `undefined` if there is none.
 *
 * A damaged or newer one is an error and stays as it is. Starting over from nothing would take a half prepared
 * folder for a whole one, or forget what a newer program recorded; only a person can decide that.
 *
 * @throws DatamaestroError MALFORMED_SETTINGS naming file, line and column
 */
export async function readDatasetDocument<S extends v.GenericSchema>(
  path: string,
  schema: S,
): Promise<v.InferOutput<S> | undefined> {
  const text = await readPlainFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined
    throw storageError(error, `read "${path}"`)
  })
  if (text === undefined) return undefined
  try {
    const document = parseJsonDocument(text, path, Versioned)
    const { version = VERSION } = document
    if (version > VERSION) throw newer(path, version)
    const read = v.safeParse(schema, document)
    // Of a fault the text tells where it is.
    return read.success ? read.output : parseJsonDocument(text, path, schema)
  } catch (error) {
    if (!(error instanceof DatamaestroError) || error.details["version"] !== undefined) throw error
    throw new DatamaestroError(error.code, error.message, {
      hint: "correct the file, or move it away: what is in the folder is then checked and taken over where possible",
      details: error.details,
      cause: error,
    })
  }
}

function newer(path: string, version: number): DatamaestroError {
  return new DatamaestroError(
    "MALFORMED_SETTINGS",
    `Cannot read "${path}": its version is ${version}, known is ${VERSION}`,
    {
      hint: "a newer datamaestro wrote it: use that one, or update this one",
      details: { path, version },
    },
  )
}
