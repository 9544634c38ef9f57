import { tarText } from "./tar-header.ts"

/** What headers before a member's own say of it instead: of pax (POSIX.1-2001) or GNU's of long names. Names are bytes. */
export interface TarExtension {
  name?: string
  link?: string
  size?: number
  /** Seconds since 1970. */
  mtime?: number
  sparse?: SparseExtension
}

/** What pax records say of a sparse file, in one of GNU tar's three ways (tar's manual, "Storing Sparse Files"). */
export interface SparseExtension {
  name?: string
  size?: number
  /** Where data begins and how much it is, in turn. */
  map: number[]
  /** `1.0`: the map is at the beginning of the member's content. */
  major?: string
  minor?: string
}

/** Reads the content of an extended header; undefined: it is malformed. */
export function readExtension(type: string, content: Buffer, before: TarExtension): TarExtension | undefined {
  if (content.length === 0) return before
  if (type === "L") return { ...before, name: tarText(content, 0, content.length) }
  if (type === "K") return { ...before, link: tarText(content, 0, content.length) }
  const records = paxRecords(content.toString("latin1"))
  if (records === undefined) return undefined
  const extension = { ...before }
  for (const [key, value] of records) take(extension, key, value)
  if (type !== "g") return extension
  // Names and sizes of all members at once are nothing that anybody means.
  const { mtime } = extension
  return mtime === undefined ? {} : { mtime }
}

/** `LENGTH KEY=VALUE\n`, one behind the other, up to the end or a NUL; a value may have any character. */
function paxRecords(text: string): [string, string][] | undefined {
  const records: [string, string][] = []
  for (let at = 0; at < text.length && text[at] !== "\0";) {
    const space = text.indexOf(" ", at)
    const digits = text.slice(at, space)
    const end = at + Number(digits)
    if (space < 0 || !/^\d+$/.test(digits) || end > text.length || text[end - 1] !== "\n") return undefined
    const equals = text.indexOf("=", space)
    if (equals < 0 || equals >= end) return undefined
    records.push([text.slice(space + 1, equals), text.slice(equals + 1, end - 1)])
    at = end
  }
  return records
}

function take(extension: TarExtension, key: string, value: string): void {
  // "Delete what was said before": the header's own counts.
  if (value === "") return
  if (key === "path") extension.name = value
  else if (key === "linkpath") extension.link = value
  else if (key === "size") extension.size = Number(value)
  else if (key === "mtime") extension.mtime = Number(value)
  else if (key.startsWith("GNU.sparse.")) takeSparse((extension.sparse ??= { map: [] }), key.slice(11), value)
}

function takeSparse(sparse: SparseExtension, key: string, value: string): void {
  if (key === "name") sparse.name = value
  else if (key === "size" || key === "realsize") sparse.size = Number(value)
  else if (key === "major") sparse.major = value
  else if (key === "minor") sparse.minor = value
  else if (key === "offset" || key === "numbytes") sparse.map.push(Number(value))
  else if (key === "map") sparse.map = value.split(",").map(Number)
}
