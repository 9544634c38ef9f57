import { join } from "node:path"
import { NotList } from "@datamaestro/protocol"
import * as v from "valibot"
import { readDatasetDocument } from "./dataset-document.ts"
import type { Files } from "./file-list.ts"
import { jsonText } from "./json-text.ts"
import { LatestWrite } from "./latest-write.ts"
import { storageError } from "./storage-error.ts"
import { writeAtomic } from "./write-atomic.ts"

const ManifestFile = v.looseObject({
  /** Relative to the dataset's folder, with forward slashes. */
  path: v.string(),
  bytes: v.number(),
  sha256: v.optional(v.string()),
})

const RecordedSum = v.object({ algorithm: v.string(), hex: v.string(), of: v.string() })

export const ManifestRecord = v.looseObject({
  /** Where the bytes came from; absent for what a step made. */
  source: v.optional(v.string()),
  etag: v.optional(v.string()),
  lastModified: v.optional(v.string()),
  /** SHA-256 of what was downloaded, lower-case hex: shows whether a later download is the same. */
  download: v.optional(v.string()),
  /** When it was completed, ISO 8601 in UTC. */
  time: v.string(),
  /** Found on disk and taken over; `verified`: it matches a declared sum. */
  adopted: v.optional(v.boolean()),
  verified: v.optional(v.boolean()),
  /** What decided how the output looks: when the definition says otherwise, it is made anew. Absent for what was adopted. */
  shape: v.optional(v.string()),
  /** The sums that it was held against, save for SHA-256, which tells by itself: when the definition has others, it is made anew. */
  sums: v.optional(v.array(RecordedSum)),
  /** The entries that were moved into place, below the dataset's folder: one for a file, several for an archive without a folder of its own. */
  entries: v.array(v.string()),
  files: v.pipe(
    v.array(ManifestFile),
    v.transform((files): Files => files),
  ),
  /** Symbolic links in them that we have made, as the files' paths; absent: it is not known. */
  links: v.optional(v.array(v.string())),
})
export type ManifestRecord = v.InferOutput<typeof ManifestRecord>

const ManifestDocument = v.looseObject({
  version: v.optional(v.number(), 1),
  resources: v.optional(v.pipe(NotList, v.record(v.string(), ManifestRecord)), {}),
})
type ManifestDocument = v.InferOutput<typeof ManifestDocument>

export const MANIFEST_FILE = ".manifest.json"

/** `.manifest.json`: what a dataset consists of and where it came from. Write only while holding the dataset's lock. */
export class Manifest {
  readonly #path: string
  readonly #document: ManifestDocument
  readonly #file: LatestWrite

  private constructor(path: string, document: ManifestDocument) {
    this.#path = path
    this.#document = document
    this.#file = new LatestWrite((sync) => writeAtomic(path, jsonText(document), { sync }))
  }

  /**
   * @param folder the dataset's, absolute; it may not exist
   * @throws DatamaestroError MALFORMED_SETTINGS
   */
  static async read(folder: string): Promise<Manifest> {
    const path = join(folder, MANIFEST_FILE)
    return new Manifest(path, (await readDatasetDocument(path, ManifestDocument)) ?? { version: 1, resources: {} })
  }

  /** Of all resources that are recorded, also of those that the definition has no more. */
  names(): string[] {
    return Object.keys(this.#document.resources)
  }

  record(name: string): ManifestRecord | undefined {
    return Object.hasOwn(this.#document.resources, name) ? this.#document.resources[name] : undefined
  }

  /** Records a resource durably, or forgets it. */
  async set(name: string, record: ManifestRecord | undefined): Promise<void> {
    if (record === undefined && this.record(name) === undefined) return
    if (record === undefined) delete this.#document.resources[name]
    else this.#document.resources[name] = record
    await this.#file.request(true).catch((error: unknown) => {
      throw storageError(error, `write "${this.#path}"`)
    })
  }
}
