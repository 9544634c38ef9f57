import * as v from "valibot"

/** A repository as `package.json` declares it: known without running its code. */
export const RepositoryLocation = v.object({
  /** The namespace, e.g. `image`. */
  id: v.string(),
  /** The npm package it comes from. */
  package: v.string(),
  version: v.string(),
  /** The exported class. */
  export: v.string(),
  /** Where the module is: a file on this machine, or an entry inside an uploaded pack. */
  module: v.variant("kind", [
    v.object({ kind: v.literal("file"), path: v.string() }),
    v.object({ kind: v.literal("pack"), hash: v.string(), entry: v.string() }),
  ]),
})
export type RepositoryLocation = v.InferOutput<typeof RepositoryLocation>

export const RepositorySummary = v.object({
  id: v.string(),
  name: v.string(),
  description: v.string(),
  package: v.string(),
  version: v.string(),
  /** How many datasets it has; absent when it can't be loaded (`error` says why). */
  datasets: v.optional(v.number()),
  error: v.optional(v.string()),
})
export type RepositorySummary = v.InferOutput<typeof RepositorySummary>
