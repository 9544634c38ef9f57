import {
  parseTree,
  getNodeValue,
  printParseErrorCode,
  findNodeAtLocation,
  type Node,
  type ParseError,
} from "jsonc-parser"
import * as v from "valibot"
import { DatamaestroError } from "./errors.ts"

/** Valibot takes a list for an object with nothing in it. */
export const NotList = v.custom<object>((value) => !Array.isArray(value), "must be an object, not a list")

/**
 * The text of a settings file, without the byte order mark that some editors write. Other encodings are refused: what
 * can't be read can't be kept at a write.
 *
 * @throws DatamaestroError MALFORMED_SETTINGS naming file, line and column
 */
export function decodeJsonDocument(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    const text = new TextDecoder().decode(bytes)
    throw malformed(text, path, text.indexOf("\uFFFD"), "it is not UTF-8")
  }
}

/** What lies at a settings file's path can't be read as one. */
export function noSettingsFile(path: string, cause?: unknown): DatamaestroError {
  const reason = "it is no file, but a folder, a pipe or a device"
  return new DatamaestroError("MALFORMED_SETTINGS", `Cannot read "${path}": ${reason}`, {
    hint: "move it away",
    details: { path },
    cause,
  })
}

/**
 * Reads a JSON settings file's text, strictly (RFC 8259: no comments, no trailing commas), and checks its shape.
 *
 * @param path as shown in errors
 * @throws DatamaestroError MALFORMED_SETTINGS naming file, line and column
 */
export function parseJsonDocument<S extends v.GenericSchema>(text: string, path: string, schema: S): v.InferOutput<S> {
  const sound = soundDocument(text)
  const read = sound === undefined ? undefined : v.safeParse(schema, sound)
  if (read?.success === true) return read.output
  // Where the fault is tells only a tree, which of a manifest with 100 000 files takes 400 MB.
  const errors: ParseError[] = []
  const tree = parseTree(text, errors, { disallowComments: true, allowTrailingComma: false, allowEmptyContent: false })
  const first = errors[0]
  if (first !== undefined) throw malformed(text, path, first.offset, describe(printParseErrorCode(first.error)))
  if (tree === undefined) throw malformed(text, path, 0, "the file is empty")
  // To valibot an array is an object, too.
  if (tree.type !== "object") throw malformed(text, path, tree.offset, `the document: an object is wanted`)
  // The tree's own objects are without a prototype, by which messages would call them null.
  const parsed = read ?? v.safeParse(schema, getNodeValue(tree))
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  const keys = issue.path?.map((item) => item.key as string | number) ?? []
  throw malformed(text, path, nearestNode(tree, keys).offset, `${keys.join(".") || "the document"}: ${issue.message}`)
}

/**
 * To be called before a document is edited: of a key that comes twice, readers take the last one, and editors the first.
 *
 * @param keys lead to what is changed
 * @throws DatamaestroError MALFORMED_SETTINGS naming file, line and column
 */
export function requireOnce(text: string, path: string, keys: readonly string[]): void {
  let node = parseTree(text)
  for (const key of keys) {
    const [first, second] = node?.children?.filter(({ children }) => children?.[0]?.value === key) ?? []
    if (second !== undefined) throw malformed(text, path, second.offset, `${JSON.stringify(key)} is there twice`)
    node = first?.children?.[1]
  }
}

function soundDocument(text: string): object | undefined {
  try {
    const document: unknown = JSON.parse(text)
    return typeof document === "object" && document !== null && !Array.isArray(document) ? document : undefined
  } catch {
    return undefined
  }
}

function malformed(text: string, path: string, offset: number, reason: string): DatamaestroError {
  const before = text.slice(0, offset).split("\n")
  const line = before.length
  const column = (before.at(-1)?.length ?? 0) + 1
  return new DatamaestroError(
    "MALFORMED_SETTINGS",
    `Cannot read "${path}": line ${line}, column ${column}: ${reason}`,
    {
      hint: "correct the file; it was left as it is",
      details: { path, line, column },
    },
  )
}

function nearestNode(tree: Node, keys: readonly (string | number)[]): Node {
  for (let length = keys.length; length > 0; length--) {
    const node = findNodeAtLocation(tree, keys.slice(0, length))
    if (node !== undefined) return node
  }
  return tree
}

/** `CommaExpected` as people say it: "comma expected". */
function describe(code: string): string {
  return code.replace(/(?<=[a-z])(?=[A-Z])/g, " ").toLowerCase()
}
