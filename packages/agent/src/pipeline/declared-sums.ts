import { downloadsOf, type Download, type Integrity } from "@datamaestro/dataset"
import type { ManifestRecord } from "../store/manifest.ts"
import type { StoredResource } from "./stored-resource.ts"

type RecordedSum = NonNullable<ManifestRecord["sums"]>[number]

/** For the manifest: the declared sums that can't be told from the SHA-256 recorded there. */
export function sumsOf(resource: StoredResource): Pick<ManifestRecord, "sums"> {
  const sums = notTold(resource)
  return sums.length === 0 ? {} : { sums }
}

/** Whether the declared sums tell that what is recorded is something else. */
export function hasOtherSum(resource: StoredResource, record: ManifestRecord): boolean {
  return hasOtherSha256(resource, record) || (record.sums !== undefined && replacesOne(resource, record.sums))
}

function hasOtherSha256(resource: StoredResource, { download, files }: ManifestRecord): boolean {
  const [file] = isOneFile(resource) ? files : []
  return declared(resource).some((sum) => {
    const recorded = sum.of === "download" ? download : file?.sha256
    return isTold(resource, sum) && recorded !== undefined && recorded !== "" && recorded !== sum.hex
  })
}

/** One that is declared beside those that it was held against may well be of the same content, and so one of another algorithm. */
function replacesOne(resource: StoredResource, recorded: readonly RecordedSum[]): boolean {
  const sums = notTold(resource)
  const gone = recorded.filter((old) => !sums.some(isSame(old)))
  return sums.some((sum) => !recorded.some(isSame(sum)) && gone.some(({ algorithm }) => algorithm === sum.algorithm))
}

function isSame(one: RecordedSum): (other: RecordedSum) => boolean {
  return ({ algorithm, hex, of }) => algorithm === one.algorithm && hex === one.hex && of === one.of
}

function notTold(resource: StoredResource): Integrity[] {
  return declared(resource).filter((sum) => !isTold(resource, sum))
}

/** Whether the manifest has the SHA-256 of the bytes that a sum speaks of. */
function isTold(resource: StoredResource, { algorithm, of }: Integrity): boolean {
  return algorithm === "sha256" && (of === "output" ? isOneFile(resource) : isOneDownload(resource))
}

function isOneFile(resource: StoredResource): boolean {
  const { kind } = resource
  return kind === "file" || kind === "concat" || (kind === "manual" && resource.unpack === undefined)
}

function isOneDownload(resource: StoredResource): boolean {
  return "download" in resource && resource.download.pieces === undefined
}

/** All sums of a resource. What is stored as it came has one sum, whichever way it is declared. */
function declared(resource: StoredResource): Integrity[] {
  switch (resource.kind) {
    case "file":
      return resource.transforms.length === 0 ? asOutput(resource.download.integrity) : resource.download.integrity
    case "tar":
    case "zip":
      return ofDownload(resource.download)
    case "concat":
      return [...resource.integrity, ...downloadsOf(resource).flatMap(ofDownload)]
    case "merge":
      return downloadsOf(resource).flatMap(ofDownload)
    case "linkfolder":
    case "linkfile":
      return asOutput([...resource.integrity, ...(resource.check === undefined ? [] : [ofFolder(resource.check.md5)])])
    case "manual":
      return asOutput(resource.integrity)
    default:
      return []
  }
}

function ofDownload({ integrity, pieces = [] }: Download): Integrity[] {
  return [...integrity, ...pieces.flatMap((piece) => piece.integrity)]
}

function ofFolder(md5: string): Integrity {
  return { algorithm: "md5", hex: md5, of: "output" }
}

function asOutput(sums: readonly Integrity[]): Integrity[] {
  return sums.map((sum) => ({ ...sum, of: "output" }))
}
