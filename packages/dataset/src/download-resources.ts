import { FORMAT_VERSION, RESOURCE } from "./brands.ts"
import { checkArgument, checkFields } from "./check-given.ts"
import type { Sum } from "./integrity.ts"
import { FLAG, LIST, NAME, oneOf, TEXT, type Kind } from "./kinds.ts"
import { listed } from "./listed.ts"
import type { Transform } from "./plan.ts"
import type {
  ArchivePiece,
  ArchiveResource,
  BucketResource,
  ConcatResource,
  FileResource,
  MergeResource,
  WaybackResource,
} from "./resource.ts"

interface DownloadOptions {
  /** Sums to hold it against: those of a file's output, of an archive's download, unless the sum says otherwise. */
  integrity?: Sum | readonly Sum[]
  /** Bytes of the download, when known. */
  size?: number
}

export interface FileOptions extends DownloadOptions {
  /** Where it goes in the dataset's folder, `/` between folders. Default: the URL's last part, without `.gz` if gunzipped. */
  name?: string
  /** What is done to the downloaded bytes, in order; replaces the gunzip that a `.gz` URL has by itself. */
  transforms?: readonly Transform[]
  /** Whether to gunzip. Default: when the URL ends in `.gz` and `name` does not. */
  gunzip?: boolean
  /** May be removed once all that is made from it is complete. */
  transient?: boolean
}

export interface ArchiveOptions extends DownloadOptions {
  /** How many leading path parts of the members to drop. Default `"auto"`: a single top-level folder. */
  strip?: number | "auto"
  /** Only members that match one of these globs, after `strip` and `subpath`, and none of those that begin with `!`. */
  include?: readonly string[]
  /** Only these members, after `strip` and `subpath`; each must be there. */
  files?: readonly string[]
  /** Only what is below this path, as the archive has it, which is dropped from the names. */
  subpath?: string
  /** Folder in the dataset's folder, `""` for that itself. Default: `""` for the only archive, else the archive's name. */
  into?: string
}

const FILE_FIELDS: Readonly<Record<keyof FileOptions, Kind | true>> = {
  name: TEXT,
  integrity: true,
  size: true,
  transforms: true,
  gunzip: FLAG,
  transient: FLAG,
}
const ARCHIVE_FIELDS: Readonly<Record<keyof ArchiveOptions, Kind | true>> = {
  integrity: true,
  size: true,
  strip: true,
  include: LIST,
  files: LIST,
  subpath: true,
  into: TEXT,
}

/**
 * One file to download. URLs after the first are mirrors: other places of the same bytes.
 *
 * @throws DefinitionError for an option that there is not, as all words of definitions do
 */
export function file(url: string | readonly string[], options: FileOptions = {}): FileResource {
  checkFields("", "file", options, FILE_FIELDS)
  return {
    [RESOURCE]: FORMAT_VERSION,
    kind: "file",
    urls: listed(url),
    name: options.name,
    integrity: listed(options.integrity),
    size: options.size,
    transforms: options.transforms,
    gunzip: options.gunzip,
    transient: options.transient ?? false,
  }
}

/** One of the files that an archive was cut into: its URL, with mirrors after it, and what is known of it. */
export type Piece = string | readonly string[] | (DownloadOptions & { url: string | readonly string[] })

/** What `pieces` makes. */
export interface Pieces {
  readonly pieces: readonly ArchivePiece[]
}

/**
 * An archive that was cut into files, as `split` and 7-Zip do (`.001`, `.partaa`), in their order:
 * `tar(pieces(["https://…/a.tar.gz.partaa", "https://…/a.tar.gz.partab"]))`. Each is downloaded, kept and verified by itself.
 */
export function pieces(list: readonly Piece[]): Pieces {
  checkArgument("pieces", "list", list, LIST)
  return { pieces: list.map(archivePiece) }
}

function archivePiece(piece: Piece): ArchivePiece {
  // What is none at all is told when it is planned.
  if (typeof piece !== "object" || piece === null || !("url" in piece)) {
    return { urls: listed(piece), integrity: [], size: undefined }
  }
  checkFields("", "pieces", piece, { url: true, integrity: true, size: true })
  return { urls: listed(piece.url), integrity: listed(piece.integrity), size: piece.size }
}

/** A tar archive, plain or compressed, to download and extract. URLs after the first are mirrors. */
export function tar(url: string | readonly string[] | Pieces, options: ArchiveOptions = {}): ArchiveResource {
  return archive("tar", url, options)
}

/** A zip archive to download and extract. URLs after the first are mirrors. */
export function zip(url: string | readonly string[] | Pieces, options: ArchiveOptions = {}): ArchiveResource {
  return archive("zip", url, options)
}

export interface ConcatOptions {
  /** The file, in the dataset's folder. */
  name: string
  /** Sums of the whole file; those of a download belong to its archive. */
  integrity?: Sum | readonly Sum[]
  /** What is done to each member, in order, once it is decompressed by its own suffix. */
  transforms?: readonly Transform[]
  /** May be removed once all that is made from it is complete. */
  transient?: boolean
}

/**
 * The members of one or several archives, one after the other by their path, in one file:
 * `concat(tar("https://…/parts.tar.gz"), { name: "all.txt" })`. Each is decompressed by its own suffix.
 */
export function concat(archives: ArchiveResource | readonly ArchiveResource[], options: ConcatOptions): ConcatResource {
  checkFields("", "concat", options, { name: TEXT, integrity: true, transforms: true, transient: FLAG })
  return {
    [RESOURCE]: FORMAT_VERSION,
    kind: "concat",
    archives: listed(archives),
    name: options.name,
    integrity: listed(options.integrity),
    transforms: options.transforms ?? [],
    transient: options.transient ?? false,
  }
}

/** Several archives extracted into one folder, by default one that is named after the key. */
export function merge(archives: readonly ArchiveResource[], options: { into?: string } = {}): MergeResource {
  checkFields("", "merge", options, { into: TEXT })
  return { [RESOURCE]: FORMAT_VERSION, kind: "merge", archives: listed(archives), into: options.into }
}

export interface BucketOptions {
  /** Archives of the same files, used when the bucket can't be listed, in this order. */
  mirrors?: ArchiveResource | readonly ArchiveResource[]
  /** Folder in the dataset's folder. Default: the key. */
  into?: string
}

/** All files below a prefix of a public Google Storage bucket: `googleStorageFolder("gs://bucket/images")`. */
export function googleStorageFolder(url: string, options: BucketOptions = {}): BucketResource {
  checkFields("", "googleStorageFolder", options, { mirrors: true, into: TEXT })
  return { [RESOURCE]: FORMAT_VERSION, kind: "bucket", url, mirrors: listed(options.mirrors), into: options.into }
}

export interface WaybackOptions {
  /** The file of JSON lines that it makes. */
  name: string
  /** When the pages should be from: `YYYYMMDD`, more digits allowed. */
  timestamp: string
  /** An archive that is addressed like the Wayback Machine. Default: that. */
  host?: string
  /** May be removed once all that is made from it is complete. */
  transient?: boolean
}

/**
 * Pages of the web as the Wayback Machine has them.
 *
 * @param from the key of a resource that is a text file with a URL a line, most often a step's
 */
export function wayback(from: string, options: WaybackOptions): WaybackResource {
  checkArgument("wayback", "from", from, NAME)
  checkFields("", "wayback", options, { name: TEXT, timestamp: true, host: true, transient: FLAG })
  return {
    [RESOURCE]: FORMAT_VERSION,
    kind: "wayback",
    from,
    name: options.name,
    timestamp: options.timestamp,
    host: options.host ?? "https://web.archive.org",
    transient: options.transient ?? false,
  }
}

export interface HuggingFaceOptions extends FileOptions {
  /** A branch, a tag, or better a commit. Default `"main"`. */
  revision?: string
  /** What the repository is of. Default `"datasets"`. */
  type?: "datasets" | "models" | "spaces"
}

/**
 * A file of a repository on the Hugging Face Hub, by default one of data sets: `huggingFace("owner/name", "train.jsonl")`.
 * The data machine's `HF_ENDPOINT` and token are used.
 */
export function huggingFace(repository: string, path: string, options: HuggingFaceOptions = {}): FileResource {
  checkArgument("huggingFace", "repository", repository, NAME)
  checkArgument("huggingFace", "path", path, NAME)
  const fields = { ...FILE_FIELDS, revision: NAME, type: oneOf("datasets", "models", "spaces") }
  checkFields<HuggingFaceOptions>("", "huggingFace", options, fields)
  const { revision = "main", type = "datasets", ...rest } = options
  const owner = type === "models" ? "" : `${type}/`
  const place = [...repository.split("/"), "resolve", revision, ...path.split("/")].map(encodeURIComponent).join("/")
  return file(`https://huggingface.co/${owner}${place}`, rest)
}

function archive(
  kind: "tar" | "zip",
  url: string | readonly string[] | Pieces,
  options: ArchiveOptions,
): ArchiveResource {
  checkFields("", kind, options, ARCHIVE_FIELDS)
  const cut = typeof url === "object" && url !== null && "pieces" in url
  return {
    [RESOURCE]: FORMAT_VERSION,
    kind,
    urls: cut ? [] : listed(url),
    ...(cut ? { pieces: url.pieces } : {}),
    integrity: listed(options.integrity),
    size: options.size,
    strip: options.strip ?? "auto",
    include: options.include,
    files: options.files,
    subpath: options.subpath,
    into: options.into,
  }
}
