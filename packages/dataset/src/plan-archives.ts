import { checkTarget, checkTransforms, fault, planIntegrity, planPart, type Place } from "./plan-download.ts"
import type { PlannedBucket, PlannedConcat, PlannedMerge } from "./plan.ts"
import type { BucketResource, ConcatResource, MergeResource } from "./resource.ts"

export function planConcat(resource: ConcatResource, name: string, place: Place): PlannedConcat {
  if (resource.archives.length === 0) throw fault(place, "archives", "there is none")
  checkTarget(resource.name, "name", place)
  checkTransforms(resource.transforms, place)
  const integrity = planIntegrity(resource.integrity, "output", place)
  if (integrity.some(({ of }) => of === "download")) {
    throw fault(place, "integrity", "the sum of a download belongs to the archive that is downloaded")
  }
  return {
    kind: "concat",
    name,
    archives: resource.archives.map((archive) => planPart(archive, place)),
    target: resource.name,
    integrity,
    transforms: [...resource.transforms],
    transient: resource.transient,
  }
}

export function planMerge(resource: MergeResource, name: string, place: Place): PlannedMerge {
  if (resource.archives.length === 0) throw fault(place, "archives", "there is none")
  const target = resource.into ?? name
  checkTarget(target, "into", place)
  return { kind: "merge", name, archives: resource.archives.map((archive) => planPart(archive, place)), target }
}

export function planBucket(resource: BucketResource, name: string, place: Place): PlannedBucket {
  const match = /^gs:\/\/([a-z0-9][a-z0-9._-]*)(?:\/(.*))?$/.exec(resource.url)
  if (match?.[1] === undefined) throw fault(place, "url", `${JSON.stringify(resource.url)} is no gs://bucket/folder`)
  const target = resource.into ?? name
  checkTarget(target, "into", place)
  return {
    kind: "bucket",
    name,
    bucket: match[1],
    prefix: (match[2] ?? "").replace(/^\/+|\/+$/g, ""),
    mirrors: resource.mirrors.map((archive) => planPart(archive, place)),
    target,
  }
}
