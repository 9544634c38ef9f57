import { datasetIdFault } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"

/** What a new dataset is called, and from where it comes if that was said. */
export interface DatasetName {
  id: string
  url: string | undefined
}

/** Suffixes that say how bytes are stored, not what they are. */
const SUFFIXES = /\.(tar|tgz|tbz2?|txz|tzst|zip|gz|bz2|xz|zst|csv|tsv|txt|json|jsonl|parquet|npz?|h5|bin|data)$/i

/**
 * The id as it was typed, or that of a URL: the host reversed, and the file's name without its suffixes.
 * `https://www.example.org/data/Flowers.csv.gz` is `org.example.flowers`.
 *
 * @throws DatamaestroError USAGE
 */
export function datasetName(typed: string): DatasetName {
  const id = typed.includes("://") ? idOfUrl(typed) : typed.normalize("NFC")
  const fault = datasetIdFault(id)
  if (fault !== undefined) {
    throw new DatamaestroError("USAGE", `Cannot create dataset "${id}": ${fault}`, {
      hint: "write an id such as org.example.flowers, or the URL of the file or archive",
      details: { id },
    })
  }
  return { id, url: typed.includes("://") ? typed : undefined }
}

function idOfUrl(url: string): string {
  if (!URL.canParse(url)) throw unusable(url, "it is no URL")
  const { protocol, hostname, pathname, username, password } = new URL(url)
  if (username !== "" || password !== "") throw unusable("the URL", "it has credentials: they belong in ~/.netrc")
  if (!/^https?:$/.test(protocol)) throw unusable(url, "only http and https can be fetched")
  if (/^[\d.]+$|^\[/.test(hostname)) throw unusable(url, "its host is a number, which makes no id")
  const host = hostname
    .replace(/^www\./, "")
    .split(".")
    .toReversed()
  const name = stem(pathname.split("/").findLast((part) => part !== "") ?? "")
  return [...host, ...(name === "" ? [] : [name])].join(".")
}

function stem(part: string): string {
  let name = part
  try {
    name = decodeURIComponent(part)
  } catch {
    // A stray percent sign: it is replaced below.
  }
  while (SUFFIXES.test(name)) name = name.replace(SUFFIXES, "")
  return name
    .normalize("NFC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_-]+/gu, "-")
    .replace(/^-+|-+$/g, "")
}

function unusable(url: string, reason: string): DatamaestroError {
  return new DatamaestroError("USAGE", `Cannot create a dataset from "${url}": ${reason}`, {
    hint: "write an id such as org.example.flowers instead, and the URL into the file",
  })
}

/** The name under which the definition is exported: `org.example.6b-vectors` is `dataset6bVectors`. */
export function exportName(id: string): string {
  const last = id.split(".").at(-1) ?? ""
  const name = last.replace(/[-_]+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? "")
  return /^\p{L}/u.test(name) && !RESERVED.has(name) ? name : `dataset${name.charAt(0).toUpperCase()}${name.slice(1)}`
}

/** What can't be exported by that name, or is what a template imports. */
const RESERVED = new Set(
  `arguments await break case catch class const continue csv debugger default defineDataset delete do else enum eval
  export extends false file finally folder for function idx if implements import in instanceof interface let new null
  package private protected public rawFile return static super switch tar textFile this throw true try typeof var void
  while with yield zip`.split(/\s+/),
)
