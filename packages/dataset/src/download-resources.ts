import { FORMAT_VERSION, RESOURCE } from "./brands.ts"
import type { Sum } from "./integrity.ts"
import type { Transform } from "./plan.ts"
import type { ArchiveResource, FileResource } from "./resource.ts"

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
  /** Only members that match one of these globs, after `strip` and `subpath`. */
  include?: readonly string[]
  /** Only these members, after `strip` and `subpath`; each must be there. */
  files?: readonly string[]
  /** Only what is below this path inside the archive, which is dropped from the names. */
  subpath?: string
  /** Folder in the dataset's folder, `""` for that itself. Default: `""` for the only archive, else the archive's name. */
  into?: string
}

/** One file to download. URLs after the first are mirrors: other places of the same bytes. */
export function file(url: string | readonly string[], options: FileOptions = {}): FileResource {
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

/** A tar archive, plain or compressed, to download and extract. URLs after the first are mirrors. */
export function tar(url: string | readonly string[], options: ArchiveOptions = {}): ArchiveResource {
  return archive("tar", url, options)
}

/** A zip archive to download and extract. URLs after the first are mirrors. */
export function zip(url: string | readonly string[], options: ArchiveOptions = {}): ArchiveResource {
  return archive("zip", url, options)
}

/** Decompresses gzip; for `file(…, { transforms: [gunzip()] })` where the URL does not tell. */
export function gunzip(): Transform {
  return { kind: "gunzip" }
}

function archive(kind: "tar" | "zip", url: string | readonly string[], options: ArchiveOptions): ArchiveResource {
  return {
    [RESOURCE]: FORMAT_VERSION,
    kind,
    urls: listed(url),
    integrity: listed(options.integrity),
    size: options.size,
    strip: options.strip ?? "auto",
    include: options.include,
    files: options.files,
    subpath: options.subpath,
    into: options.into,
  }
}

function listed<T>(value: T | readonly T[] | undefined): readonly T[] {
  if (value === undefined) return []
  return Array.isArray(value) ? (value as readonly T[]) : [value as T]
}
