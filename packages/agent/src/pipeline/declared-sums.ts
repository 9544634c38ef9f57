import type { Integrity } from "@datamaestro/dataset"
import type { ManifestRecord } from "../store/manifest.ts"
import type { StoredResource } from "./found-dataset.ts"

type RecordedSum = NonNullable<ManifestRecord["sums"]>[number]

/** For the manifest: the declared sums that can't be told from the SHA-256 recorded there. */
export function sumsOf(resource: StoredResource): Pick<ManifestRecord, "sums"> {
  const sums = otherThanSha256(resource)
  return sums.length === 0 ? {} : { sums }
}

/** Whether the declared sums tell that what is recorded is something else. */
export function hasOtherSum(resource: StoredResource, record: ManifestRecord): boolean {
  return hasOtherSha256(resource, record) || (record.sums !== undefined && replacesOne(resource, record.sums))
}

function hasOtherSha256(resource: StoredResource, { download, files }: ManifestRecord): boolean {
  const [file] = resource.kind === "file" ? files : []
  return declared(resource).some(({ algorithm, hex, of }) => {
    const recorded = of === "download" ? download : file?.sha256
    return algorithm === "sha256" && recorded !== undefined && recorded !== "" && recorded !== hex
  })
}

/** One that is declared beside those that it was held against may well be of the same content, and so one of another algorithm. */
function replacesOne(resource: StoredResource, recorded: readonly RecordedSum[]): boolean {
  const sums = otherThanSha256(resource)
  const gone = recorded.filter((old) => !sums.some(isSame(old)))
  return sums.some((sum) => !recorded.some(isSame(sum)) && gone.some(({ algorithm }) => algorithm === sum.algorithm))
}

function isSame(one: RecordedSum): (other: RecordedSum) => boolean {
  return ({ algorithm, hex, of }) => algorithm === one.algorithm && hex === one.hex && of === one.of
}

function otherThanSha256(resource: StoredResource): Integrity[] {
  const sums = declared(resource).filter(({ algorithm }) => algorithm !== "sha256")
  // What is stored as it was downloaded has one sum, whichever way it is declared.
  const isAsDownloaded = resource.kind === "file" && resource.transforms.length === 0
  return isAsDownloaded ? sums.map((sum) => ({ ...sum, of: "output" })) : sums
}

function declared(resource: StoredResource): Integrity[] {
  return "download" in resource && resource.download.pieces === undefined ? resource.download.integrity : []
}
