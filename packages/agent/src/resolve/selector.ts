import { DatamaestroError } from "@datamaestro/protocol"

/** What a person names a dataset by, taken apart: `mnist`, `com.lecun.mnist@image`, `org.x[dim=50,corpus="a,b"]@text`. */
export interface Selector {
  id: string
  repository: string | undefined
  /** Each axis as typed, in the order it was. */
  variant: VariantItem[]
}

export interface VariantItem {
  axis: string
  text: string
  /** It was in quotes: a string, whatever it looks like. */
  quoted: boolean
}

// One `k=v` inside the brackets: a bare value has no comma, bracket or quote; a quoted one is a JSON string.
const ITEM = /\s*([^=,[\]"]+?)\s*=\s*(?:("(?:[^"\\]|\\.)*")|([^,[\]"]*?))\s*(?:,|$)/uy

/**
 * Takes a selector apart.
 *
 * @throws DatamaestroError USAGE
 */
export function parseSelector(text: string): Selector {
  const match = /^([^[\]@\s]+)(?:\[(.*)\])?(?:@([^[\]@\s]+))?$/su.exec(text.trim())
  if (match?.[1] === undefined) throw malformed(text, "it is no dataset's id")
  const [, id, inside, repository] = match
  return { id, repository, variant: inside === undefined ? [] : parseItems(text, inside) }
}

function parseItems(selector: string, inside: string): VariantItem[] {
  const items: VariantItem[] = []
  if (inside.trim() === "") return items
  ITEM.lastIndex = 0
  while (ITEM.lastIndex < inside.length) {
    const at = ITEM.lastIndex
    const match = ITEM.exec(inside)
    const axis = match?.[1]
    if (match === null || axis === undefined)
      throw malformed(selector, `${JSON.stringify(inside.slice(at))} is no axis=value`)
    if (items.some((item) => item.axis === axis)) throw malformed(selector, `axis "${axis}" is there twice`)
    items.push({ axis, text: unquote(selector, match[2]) ?? match[3] ?? "", quoted: match[2] !== undefined })
  }
  if (inside.trimEnd().endsWith(",")) throw malformed(selector, "it ends in a comma")
  return items
}

function unquote(selector: string, quoted: string | undefined): string | undefined {
  if (quoted === undefined) return undefined
  try {
    return JSON.parse(quoted) as string
  } catch {
    throw malformed(selector, `${quoted} is no JSON string`)
  }
}

function malformed(text: string, reason: string): DatamaestroError {
  return new DatamaestroError("USAGE", `Cannot understand dataset ${JSON.stringify(text)}: ${reason}`, {
    hint: "write an id, its variant and its repository if need be: com.lecun.mnist, org.example.words[dim=50]@text",
    details: { selector: text },
  })
}
