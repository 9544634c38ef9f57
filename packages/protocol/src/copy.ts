import * as v from "valibot"

/** What a resource of a prepared dataset consists of; paths are relative to the dataset's folder, with forward slashes. */
export const CopiedResource = v.object({
  source: v.optional(v.string()),
  etag: v.optional(v.string()),
  lastModified: v.optional(v.string()),
  /** SHA-256 of what was downloaded. */
  download: v.optional(v.string()),
  /** What is moved into place. */
  entries: v.array(v.string()),
  /** `sha256`: lower-case hex. */
  files: v.array(
    v.object({ path: v.string(), bytes: v.number(), sha256: v.string(), executable: v.optional(v.boolean()) }),
  ),
  links: v.array(v.object({ path: v.string(), to: v.string() })),
  /** Those without anything in them. */
  folders: v.array(v.string()),
})
export type CopiedResource = v.InferOutput<typeof CopiedResource>

/** By the resource's name. What is made from others on each machine, such as links, is not among them. */
export const CopiedDataset = v.object({ resources: v.record(v.string(), CopiedResource) })
export type CopiedDataset = v.InferOutput<typeof CopiedDataset>

/**
 * How the receiving agent asks, through the relay, for what the other one has.
 *
 * @param dataset `com.lecun.mnist@image`
 * @param paths of files, whose bytes follow each other: one request for many small ones; without any, the `CopiedDataset` is meant
 */
export function copyAddress(dataset: string, paths: readonly string[] = []): string {
  return `copy:${[dataset, ...paths].map(encodeURIComponent).join("/")}`
}

/** @returns nothing when it is no such address */
export function parseCopyAddress(address: string): { dataset: string; paths: string[] } | undefined {
  if (!address.startsWith("copy:")) return undefined
  try {
    const [dataset = "", ...paths] = address.slice("copy:".length).split("/").map(decodeURIComponent)
    return dataset === "" || paths.includes("") ? undefined : { dataset, paths }
  } catch {
    return undefined
  }
}
