import { brandOf, FORMAT_VERSION, RESOURCE } from "./brands.ts"
import type { Sum } from "./integrity.ts"
import type { FolderSum, Transform } from "./plan.ts"

interface ResourceBase {
  readonly [RESOURCE]: number
}

/** What `file` makes: everything as the author wrote it, checked when the definition is. */
export interface FileResource extends ResourceBase {
  readonly kind: "file"
  readonly urls: readonly string[]
  readonly name: string | undefined
  readonly integrity: readonly Sum[]
  readonly size: number | undefined
  readonly transforms: readonly Transform[] | undefined
  readonly gunzip: boolean | undefined
  readonly transient: boolean
}

/** One of the files that an archive was cut into. */
export interface ArchivePiece {
  readonly urls: readonly string[]
  readonly integrity: readonly Sum[]
  readonly size: number | undefined
}

/** What `tar` and `zip` make. */
export interface ArchiveResource extends ResourceBase {
  readonly kind: "tar" | "zip"
  readonly urls: readonly string[]
  /** In their order, in place of `urls`: joined they are the archive. */
  readonly pieces?: readonly ArchivePiece[] | undefined
  readonly integrity: readonly Sum[]
  readonly size: number | undefined
  readonly strip: number | "auto"
  readonly include: readonly string[] | undefined
  readonly files: readonly string[] | undefined
  readonly subpath: string | undefined
  readonly into: string | undefined
}

/** What `datafolderPath` makes. */
export interface DatafolderResource extends ResourceBase {
  readonly kind: "datafolder"
  readonly folder: string
  readonly path: string
}

/** What `concat` makes: the members of archives, one after the other, in one file. */
export interface ConcatResource extends ResourceBase {
  readonly kind: "concat"
  readonly archives: readonly ArchiveResource[]
  readonly name: string
  readonly integrity: readonly Sum[]
  readonly transforms: readonly Transform[]
  readonly transient: boolean
}

/** What `merge` makes: several archives in one folder. */
export interface MergeResource extends ResourceBase {
  readonly kind: "merge"
  readonly archives: readonly ArchiveResource[]
  readonly into: string | undefined
}

/** What `googleStorageFolder` makes. */
export interface BucketResource extends ResourceBase {
  readonly kind: "bucket"
  readonly url: string
  readonly mirrors: readonly ArchiveResource[]
  readonly into: string | undefined
}

/** What `wayback` makes: pages of the web as an archive keeps them. */
export interface WaybackResource extends ResourceBase {
  readonly kind: "wayback"
  readonly from: string
  readonly name: string
  readonly timestamp: string
  readonly host: string
  readonly transient: boolean
}

/** What `links` makes: a folder with a link to each dataset. */
export interface LinksResource extends ResourceBase {
  readonly kind: "links"
  readonly from: readonly string[]
  readonly name: string | undefined
}

/** What `linkFolder` and `linkFile` make: a link to data that is already on the data machine. */
export interface LinkResource extends ResourceBase {
  readonly kind: "linkfolder" | "linkfile"
  readonly places: readonly (DatafolderResource | string)[]
  readonly name: string | undefined
  readonly check: FolderSum | undefined
  readonly integrity: readonly Sum[]
}

/** What `manual` makes: something that only a person can fetch. */
export interface ManualResource extends ResourceBase {
  readonly kind: "manual"
  readonly page: string
  readonly instructions: string | undefined
  readonly name: string | undefined
  readonly unpack: "tar" | "zip" | undefined
  readonly integrity: readonly Sum[]
}

/** Where a step reads and writes, and how it tells how far it is. */
export interface StepRun<From extends string = string> {
  /** Absolute path of each input, by the resource's key. */
  input: Readonly<Record<From, string>>
  /** Absolute path that it must write: a temporary one, moved to its place when `run` ends well. */
  output: string
  /** Aborts when the person cancels. */
  signal: AbortSignal
  /** How far it is: a fraction between 0 and 1 where it is known, and a word about it. */
  progress: (fraction: number | undefined, message?: string) => void
}

/** What `step` makes: the only resource with code. */
export interface StepResource extends ResourceBase {
  readonly kind: "step"
  readonly from: readonly string[]
  readonly name: string
  readonly version: string
  readonly transient: boolean
  run(step: StepRun): Promise<void>
}

/** A dataset that is named, not imported. */
export interface ReferenceTarget {
  id: string
  /** The namespace it is in; else the referring dataset's own is searched first, then all. */
  repository?: string
}

/** What `reference` makes; `D` is the type of the definition it leads to, `unknown` for one that is only named. */
export interface ReferenceResource<D = unknown> extends ResourceBase {
  readonly kind: "reference"
  /** The definition, or what leads to it when it is first needed. */
  target(): D | ReferenceTarget | Promise<D | ReferenceTarget>
  readonly selection: Readonly<Record<string, unknown>>
}

export type Resource =
  | FileResource
  | ArchiveResource
  | ConcatResource
  | MergeResource
  | BucketResource
  | WaybackResource
  | LinksResource
  | LinkResource
  | ManualResource
  | DatafolderResource
  | StepResource
  | ReferenceResource
export type Resources = { readonly [key: string]: Resource }

/** Why something is no resource, or undefined when it is one. */
export function resourceFault(thing: unknown): string | undefined {
  if (brandOf(thing, RESOURCE) === FORMAT_VERSION) return undefined
  return "this is no resource: make one with file, tar, zip, reference, datafolderPath, step, ..."
}
