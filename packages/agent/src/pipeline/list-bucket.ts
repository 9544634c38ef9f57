import { readFile } from "node:fs/promises"
import type { PlannedBucket } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import * as v from "valibot"
import type { CachedDownload } from "../pipeline-types.ts"

/** Where buckets are served: Google's host, or what its own tools take instead, `STORAGE_EMULATOR_HOST`. */
export function storageHost(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const given = environment["STORAGE_EMULATOR_HOST"]?.replace(/\/+$/, "") ?? ""
  const url = given === "" || given.includes("://") ? given : `http://${given}`
  return URL.canParse(url) ? url : "https://storage.googleapis.com"
}

/** What is needed of a listing: https://cloud.google.com/storage/docs/json_api/v1/objects/list */
const Listing = v.object({
  items: v.optional(
    v.array(v.object({ name: v.string(), size: v.pipe(v.string(), v.digits()), md5Hash: v.optional(v.string()) })),
    [],
  ),
  nextPageToken: v.optional(v.string()),
})

export interface BucketObject {
  url: string
  /** Below the prefix, forward slashes. */
  path: string
  bytes: number
  /** Hexadecimal; composite objects have none. */
  md5: string | undefined
}

/**
 * All objects below a bucket's prefix, page by page.
 *
 * @param fetch how a page is had; it is released here
 * @throws DatamaestroError CORRUPT for an answer that is no listing or names what can't be a file here; what `fetch` throws
 */
export async function listBucket(
  { bucket, prefix }: PlannedBucket,
  fetch: (url: string) => Promise<CachedDownload>,
): Promise<BucketObject[]> {
  const objects: BucketObject[] = []
  const host = storageHost()
  const below = prefix === "" ? "" : `${prefix}/`
  let token: string | undefined
  do {
    const query = new URLSearchParams({ prefix: below, fields: "items(name,size,md5Hash),nextPageToken" })
    if (token !== undefined) query.set("pageToken", token)
    const page = await fetch(`${host}/storage/v1/b/${bucket}/o?${query.toString()}`)
    try {
      const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Listing), await readFile(page.path, "utf8"))
      if (!parsed.success) throw noListing(bucket, "the answer is no listing")
      for (const { name, size, md5Hash } of parsed.output.items) {
        // Some tools make an empty object for each folder.
        if (name.endsWith("/")) continue
        objects.push({
          url: `${host}/${bucket}/${name.split("/").map(encodeURIComponent).join("/")}`,
          path: checkedPath(bucket, name.slice(below.length)),
          bytes: Number(size),
          md5: md5Hash === undefined ? undefined : Buffer.from(md5Hash, "base64").toString("hex"),
        })
      }
      if (parsed.output.nextPageToken === token && token !== undefined) throw noListing(bucket, "it never ends")
      token = parsed.output.nextPageToken
    } finally {
      // A listing is of the moment: the next run must not see this one.
      await page.release({ remove: true })
    }
  } while (token !== undefined)
  if (objects.length === 0) throw noListing(bucket, `there is nothing below "${prefix}"`)
  return objects
}

function checkedPath(bucket: string, path: string): string {
  const parts = path.split("/")
  if (parts.some((part) => part === "" || part === "." || part === "..") || /[\0\\]/.test(path)) {
    throw noListing(bucket, `object ${JSON.stringify(path)} can't be a file below the dataset's folder`)
  }
  return path
}

function noListing(bucket: string, reason: string): DatamaestroError {
  return new DatamaestroError("CORRUPT", `Cannot list bucket "${bucket}": ${reason}`, {
    hint: "the source has changed: tell the author of the dataset's definition",
    details: { bucket },
  })
}
