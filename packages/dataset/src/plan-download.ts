import { DefinitionError } from "./definition-error.ts"
import { sumFault, type Sum } from "./integrity.ts"
import type { ArchivePart, Download, Integrity, PlannedArchive, PlannedFile, Transform } from "./plan.ts"
import { relativePathFault } from "./relative-path.ts"
import type { ArchivePiece, ArchiveResource, FileResource, Resource } from "./resource.ts"
import { archiveBaseName, urlFault, urlFileName, withoutPieceSuffix } from "./url-name.ts"

/** Names in a dataset's folder that are ours. */
const RESERVED = /^\.(?:downloads|state|manifest)\b/i
const TRANSFORMS: ReadonlySet<unknown> = new Set<Transform["kind"]>([
  "gunzip",
  "decompress",
  "json-lines",
  "replace",
  "filter",
])

/** Where in which definition something stands, for errors. */
export interface Place {
  definition: string
  field: string
}

export function planFile(resource: FileResource, name: string, place: Place): PlannedFile {
  const download = planDownload(resource, "output", place)
  const source = urlFileName(download.urls[0] ?? "")
  const compressed = /\.gz$/i.test(source ?? "")
  const unpacks = resource.gunzip ?? (compressed && !/\.gz$/i.test(resource.name ?? ""))
  const transforms = resource.transforms ?? (unpacks ? [{ kind: "gunzip" }] : [])
  if (resource.transforms !== undefined && resource.gunzip !== undefined) {
    throw fault(place, "transforms", "together with gunzip it contradicts itself: give one of the two")
  }
  checkTransforms(transforms, place)
  const target = resource.name ?? (transforms.length > 0 ? source?.replace(/\.gz$/i, "") : source)
  if (target === undefined) throw fault(place, "name", "the URL does not end in a file name: give one")
  checkTarget(target, "name", place)
  return { kind: "file", name, download, target, transforms: [...transforms], transient: resource.transient }
}

export function checkTransforms(transforms: readonly Transform[], place: Place): void {
  if (!Array.isArray(transforms)) throw fault(place, "transforms", "it must be a list")
  for (const transform of transforms as readonly Transform[]) {
    if (!TRANSFORMS.has((transform as Transform | null | undefined)?.kind)) {
      throw fault(
        place,
        "transforms",
        "this is no transform: make one with gunzip, decompress, jsonLines, keepLines or replaceInLines",
      )
    }
    if (!("pattern" in transform)) continue
    try {
      new RegExp(transform.pattern)
    } catch {
      throw fault(place, "transforms", `${JSON.stringify(transform.pattern)} is no regular expression`)
    }
  }
}

/** An archive that is part of a resource: it has no name and no place of its own. */
export function planPart(authored: ArchiveResource, place: Place): ArchivePart {
  const resource: Resource | null | undefined = authored
  if (resource?.kind !== "tar" && resource?.kind !== "zip") {
    throw fault(place, "archives", "each must be an archive: make it with tar or zip")
  }
  if (resource.into !== undefined) throw fault(place, "into", "a part of another resource has no place of its own")
  if (resource.pieces !== undefined) throw fault(place, "url", "an archive in pieces has to be a resource of its own")
  const { name: _name, target: _target, ...part } = planArchive(resource, "part", place, true, () => false)
  return part
}

/** `takenBases`: names of folders that are already given away; a second archive of one name is told from the first by its own. */
export function planArchive(
  resource: ArchiveResource,
  name: string,
  place: Place,
  only: boolean,
  isTaken: (folder: string) => boolean,
): PlannedArchive {
  const download =
    resource.pieces === undefined
      ? planDownload(resource, "download", place)
      : planPieces(resource, resource.pieces, place)
  if (download.integrity.some((sum) => sum.of === "output")) {
    throw fault(place, "integrity", 'an archive\'s sum is of the "download": what it contains is no single file')
  }
  if (resource.strip !== "auto" && !(Number.isSafeInteger(resource.strip) && resource.strip >= 0)) {
    throw fault(place, "strip", `${JSON.stringify(resource.strip)} is neither "auto" nor a number of path parts`)
  }
  if (resource.subpath !== undefined) checkRelative(resource.subpath, "subpath", place)
  for (const member of resource.files ?? []) checkRelative(member, "files", place)
  if (resource.files?.length === 0) throw fault(place, "files", "the list is empty: nothing would be extracted")
  if (resource.include?.length === 0) throw fault(place, "include", "the list is empty: nothing would be extracted")
  if (resource.include?.some((glob) => typeof glob !== "string" || glob === "") === true) {
    throw fault(place, "include", "a glob is empty")
  }
  return {
    kind: resource.kind,
    name,
    download,
    target: archiveFolder(resource, name, place, only, isTaken),
    strip: resource.strip,
    ...(resource.subpath === undefined ? {} : { subpath: resource.subpath }),
    ...(resource.files === undefined ? {} : { files: [...resource.files] }),
    ...(resource.include === undefined ? {} : { include: [...resource.include] }),
  }
}

/** Checks a place in the dataset's folder. */
export function checkTarget(target: string, field: string, place: Place): void {
  checkRelative(target, field, place)
  if (RESERVED.test(target)) {
    throw fault(place, field, `${JSON.stringify(target)} is a name that datamaestro keeps its own files under`)
  }
}

export function checkRelative(path: string, field: string, place: Place): void {
  const reason = relativePathFault(path)
  if (reason !== undefined) throw fault(place, field, reason)
}

export function fault(place: Place, field: string, reason: string): DefinitionError {
  return new DefinitionError(place.definition, `${place.field}.${field}`, reason)
}

function archiveFolder(
  resource: ArchiveResource,
  name: string,
  place: Place,
  only: boolean,
  isTaken: (folder: string) => boolean,
): string {
  if (resource.into === "") return ""
  if (resource.into !== undefined) {
    checkTarget(resource.into, "into", place)
    return resource.into
  }
  if (only) return ""
  const base = archiveBaseName(fileNameOf(resource) ?? name)
  const folder = relativePathFault(base) === undefined && !RESERVED.test(base) ? base : name
  return isTaken(folder) ? `${folder}-${name}` : folder
}

function fileNameOf({ urls, pieces }: ArchiveResource): string | undefined {
  const [url] = pieces?.[0]?.urls ?? urls
  const name = url === undefined ? undefined : urlFileName(url)
  return pieces === undefined || name === undefined ? name : withoutPieceSuffix(name)
}

function planPieces(resource: ArchiveResource, pieces: readonly ArchivePiece[], place: Place): Download {
  if (pieces.length === 0) throw fault(place, "url", "there are no pieces")
  const planned = pieces.map((piece) => planDownload(piece, "download", place))
  if (planned.some(({ integrity }) => integrity.some(({ of }) => of === "output"))) {
    throw fault(place, "integrity", 'a piece\'s sum is of the "download"')
  }
  const first = planned.map(({ urls }) => urls[0])
  if (new Set(first).size < first.length) throw fault(place, "url", "two pieces have the same URL")
  checkSize(resource.size, place)
  return {
    urls: [],
    integrity: planIntegrity(resource.integrity, "download", place),
    ...(resource.size === undefined ? {} : { size: resource.size }),
    pieces: planned,
  }
}

function checkSize(size: number | undefined, place: Place): void {
  if (size !== undefined && !(Number.isSafeInteger(size) && size >= 0)) {
    throw fault(place, "size", `${JSON.stringify(size)} is no number of bytes`)
  }
}

function planDownload(resource: ArchivePiece, of: "download" | "output", place: Place): Download {
  if (resource.urls.length === 0) throw fault(place, "url", "there is no URL")
  for (const url of resource.urls) {
    const reason = urlFault(url)
    if (reason !== undefined) throw fault(place, "url", reason)
  }
  checkSize(resource.size, place)
  const integrity = planIntegrity(resource.integrity, of, place)
  return { urls: [...resource.urls], integrity, ...(resource.size === undefined ? {} : { size: resource.size }) }
}

export function planIntegrity(sums: readonly Sum[], of: "download" | "output", place: Place): Integrity[] {
  return sums.map((sum) => {
    const reason = sumFault(sum)
    if (reason !== undefined) throw fault(place, "integrity", reason)
    return { algorithm: sum.algorithm, hex: sum.hex.toLowerCase(), of: sum.of ?? of }
  })
}
