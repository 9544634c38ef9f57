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

export type PlannedResource = PlannedFile | PlannedArchive | PlannedReference | PlannedDatafolderPath | PlannedStep

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

export type Transform = { kind: "gunzip" }

export interface PlannedArchive extends PlannedBase {
  kind: "tar" | "zip"
  download: Download
  /** Folder inside the dataset's folder; `""` is the dataset's folder itself. */
  target: string
  /** How many leading path parts to drop; `auto`: a single top-level folder is dropped. */
  strip: number | "auto"
  /** Only what is below this path inside the archive, which is dropped from the names. */
  subpath?: string
  /** Only these members, by exact name after `strip` and `subpath`. */
  files?: string[]
  /** Only members matching one of these globs, after `strip` and `subpath`. */
  include?: string[]
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

export interface Agreement {
  id: string
  url?: string
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
