/** What is written at once. */
const PIECE_LENGTH = 64 * 1024
/** The items of a list or an object whose JSON is made in one go. */
const FEW_ITEMS = 16

/** A part of documents whose JSON was made beforehand. */
export class MadeJson {
  /** As bytes: a string is made into them anew by each write. */
  readonly pieces: readonly Buffer[]

  /** @param value plain data; what is iterable becomes an array */
  constructor(value: unknown) {
    this.pieces = Array.from(jsonText(value), (piece) => Buffer.from(piece))
  }
}

/**
 * The JSON of a document in pieces, so that the text of a list of 100 000 files is never in memory whole. What is
 * iterable becomes an array, each item of it at once; so does what is small, as thousands of records are that get written again and
 * again: token by token they leave ten times their text to be collected.
 */
export function* jsonText(document: unknown): Generator<string | Buffer> {
  let text = ""
  for (const token of tokens(document)) {
    if (typeof token === "string") text += token
    if (typeof token === "string" && text.length < PIECE_LENGTH) continue
    yield text
    text = ""
    if (typeof token !== "string") yield token
  }
  yield text
}

function* tokens(value: unknown): Generator<string | Buffer> {
  if (typeof value !== "object" || value === null || isSmall(value)) return yield JSON.stringify(value)
  let before = ""
  if ("json" in value && value.json instanceof MadeJson) return yield* value.json.pieces
  if (Symbol.iterator in value) {
    yield "["
    for (const item of value as Iterable<unknown>) {
      yield before + JSON.stringify(item)
      before = ","
    }
    return yield "]"
  }
  yield "{"
  for (const name of Object.keys(value)) {
    const property: unknown = value[name as never]
    if (property === undefined) continue
    yield `${before}${JSON.stringify(name)}:`
    yield* tokens(property)
    before = ","
  }
  yield "}"
}

/** A list's items are made at once in any case; those of objects are looked into. */
function isSmall(value: object): boolean {
  if (Array.isArray(value)) return value.length <= FEW_ITEMS
  if (Symbol.iterator in value || "json" in value) return false
  const properties: unknown[] = Object.values(value)
  if (properties.length > FEW_ITEMS) return false
  return properties.every((property) => typeof property !== "object" || property === null || isSmall(property))
}
