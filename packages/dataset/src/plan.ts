/**
 * A plan: what one dataset (one variant of it) needs, as pure JSON. It is made from a definition without
 * running anything that touches network or disk, and it is all that the pipeline sees, save for `step` code.
 */
export interface Plan {
  /** The dataset's id with its variant, canonical: `org.example.words[dim=50]`. */
  id: string
  /** The id without the variant. */
  base: string
  /** The repository's namespace: `image`. */
  repository: string
  /** The dataset's folder below `DATA/data`, with forward slashes: `image/com/lecun/mnist`. */
  folder: string
  /** In an order in which each comes after what it needs. */
  resources: PlannedResource[]
  /** The prepared value: JSON in which a `PathReference` stands for each path. */
  value: PlannedValue
  agreement?: Agreement
}

export type PlannedResource =
  | PlannedFile
  | PlannedArchive
  | PlannedConcat
  | PlannedMerge
  | PlannedBucket
  | PlannedWayback
  | PlannedLinks
  | PlannedLink
  | PlannedManual
  | PlannedReference
  | PlannedDatafolderPath
  | PlannedStep

interface PlannedBase {
  /** The name in `.state.json` and `.manifest.json`: the definition's key in snake_case, e.g. `train_images`. */
  name: string
}

/** A URL to fetch and its declared alternatives, tried in order. */
export interface Download {
  urls: string[]
  integrity: Integrity[]
  /** Bytes of the download, when the author knows them. */
  size?: number
  /** The files that an archive was cut into, in their order; `urls` is empty then. */
  pieces?: Download[]
}

export interface PlannedFile extends PlannedBase {
  kind: "file"
  download: Download
  /** File name inside the dataset's folder, may contain forward slashes: `train_images.idx`. */
  target: string
  /** Applied to the downloaded bytes in order. */
  transforms: Transform[]
  /** May be removed once all that depends on it is complete. */
  transient: boolean
}

/**
 * `decompress` tells compressions by their first bytes and leaves what is none of them. `replace` and `filter` work line
 * by line, without the line's end; `pattern` is a JavaScript regular expression's source, matched with the flag `g`,
 * `$1` in a replacement its first group. `json-lines` makes a line of each element of a JSON array.
 */
export type Transform =
  | { kind: "gunzip" | "decompress" | "json-lines" }
  | { kind: "replace"; pattern: string; replacement: string }
  | { kind: "filter"; pattern: string }

/** An archive, and which of its members are wanted. */
export interface ArchivePart {
  kind: "tar" | "zip"
  download: Download
  /** How many leading path parts to drop; `auto`: a single top-level folder is dropped. */
  strip: number | "auto"
  /** Only what is below this path inside the archive, which is dropped from the names. */
  subpath?: string
  /** Only these members, by exact name after `strip` and `subpath`. */
  files?: string[]
  /** Only members matching one of these globs, after `strip` and `subpath`, and none of those that begin with `!`. */
  include?: string[]
}

export interface PlannedArchive extends PlannedBase, ArchivePart {
  /** Folder inside the dataset's folder; `""` is the dataset's folder itself. */
  target: string
}

/** The members of archives in one file: archive after archive as written, in each by their path. */
export interface PlannedConcat extends PlannedBase {
  kind: "concat"
  archives: ArchivePart[]
  target: string
  /** Of the whole file. */
  integrity: Integrity[]
  /** Applied to each member once it is decompressed by its own suffix. */
  transforms: Transform[]
  transient: boolean
}

/** Several archives extracted into one folder; no two may bring the same file. */
export interface PlannedMerge extends PlannedBase {
  kind: "merge"
  archives: ArchivePart[]
  target: string
}

/** All objects below a prefix of a public Google Storage bucket, as files of a folder. */
export interface PlannedBucket extends PlannedBase {
  kind: "bucket"
  bucket: string
  /** Without slashes at its ends; `""`: the whole bucket. */
  prefix: string
  /** Archives of the same files, for when the bucket can't be listed. */
  mirrors: ArchivePart[]
  target: string
}

/**
 * Pages of the web as an archive kept them, in a file of JSON lines: `{"id": URL, "status": 200, "content": text}`, in the
 * order of the URLs; a page that the archive does not have has its status and no content.
 */
export interface PlannedWayback extends PlannedBase {
  kind: "wayback"
  /** The name of the resource with the URLs: a text file, one a line. */
  from: string[]
  input: PathReference
  /** Of the state that is wanted, `YYYYMMDD` and more digits; the archive gives the nearest it has. */
  timestamp: string
  /** The archive, without a slash at its end. */
  host: string
  target: string
  transient: boolean
}

/** A folder with a symbolic link to the folder of each of some datasets. */
export interface PlannedLinks extends PlannedBase {
  kind: "links"
  target: string
  /** By the link's name. */
  links: { [name: string]: { id: string; repository: string } }
}

/** A symbolic link to data on the data machine: the first of the places that is there. */
export interface PlannedLink extends PlannedBase {
  kind: "linkfolder" | "linkfile"
  target: string
  places: LinkPlace[]
  /** What a folder's content is held against. */
  check?: FolderSum
  /** What a file is held against. */
  integrity: Integrity[]
}

/** A path below a data folder of the settings, or an absolute one; `~/` is the person's home on the data machine. */
export type LinkPlace = { folder: string; path: string } | { absolute: string }

/**
 * The MD5 sum of a folder's content: of the MD5 sums, in hexadecimal and joined, of the files that the glob matches, in
 * the order of their paths; a `.gz` file counts decompressed.
 */
export interface FolderSum {
  glob: string
  md5: string
}

/** What only a person can fetch: they put it into the dataset's folder, where the next run finds it. */
export interface PlannedManual extends PlannedBase {
  kind: "manual"
  /** The page to fetch it from. */
  page: string
  instructions?: string
  /** The file or folder, below the dataset's folder, that the person puts there. */
  deposit: string
  /** It is an archive to be extracted into `target`; else `target` is `deposit`. */
  unpack?: "tar" | "zip"
  target: string
  integrity: Integrity[]
}

export interface PlannedReference extends PlannedBase {
  kind: "reference"
  /** The referenced dataset's id with variant, and its repository. */
  id: string
  repository: string
}

export interface PlannedDatafolderPath extends PlannedBase {
  kind: "datafolder"
  /** Key in the settings' `datafolders`. */
  folder: string
  /** Path below it, `""` for the folder itself. */
  path: string
}

export interface PlannedStep extends PlannedBase {
  kind: "step"
  /** Names of the resources whose output it reads. */
  from: string[]
  /** What `run` is given as `input`: the authored names of those resources and where their outputs are. */
  inputs: { [key: string]: PathReference }
  target: string
  transient: boolean
  /** Changes when the author says that the output does. */
  version: string
}

export type HashAlgorithm = "md5" | "sha1" | "sha256" | "sha512"

export interface Integrity {
  algorithm: HashAlgorithm
  /** Lower-case hex. */
  hex: string
  /** `download`: the bytes as fetched; `output`: the file at its final path. */
  of: "download" | "output"
}

/** Terms to accept before anything is downloaded. */
export interface Agreement {
  /** Under which acceptance is remembered. */
  id: string
  /** The page that has them. */
  url?: string
  /** Shown to the person; when it changes they are asked again. */
  text?: string
}

/**
 * A path that will exist once the dataset is prepared. `dataset` (an id with variant) and `repository` are
 * always those of the dataset that owns the resource, also when it was reached through a reference.
 */
export interface PathReference {
  $path: { repository: string; dataset: string; resource: string; segments: string[] }
}

/**
 * A typed value such as `idx(…)`: its fields, and the data type's name for the xpm encoder. Authored objects
 * have no key that begins with `$`, so this and a `PathReference` can't be taken for one.
 */
export interface TypedValue {
  $type: string
  fields: { [name: string]: PlannedValue }
}

export type PlannedValue =
  string | number | boolean | null | PathReference | TypedValue | PlannedValue[] | { [name: string]: PlannedValue }
