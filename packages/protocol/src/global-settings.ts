import * as v from "valibot"
import { NotList } from "./json-document.ts"

/** A number of bytes with its unit. */
export const SIZE = /^\s*(\d+(?:\.\d+)?)\s*([kMGTP]?)(i?)B?\s*$/i

const SIZE_WANTED = 'a number of bytes, or a size like "50 GB", is wanted'

/** Most connections to one server for one file. */
export const Connections = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(16))

/** The global settings of a data directory, `DATA/settings.json`. Keys unknown to us are kept. */
export const GlobalSettings = v.looseObject({
  datafolders: v.optional(v.pipe(NotList, v.record(v.string(), v.string()))),
  /** How many days finished jobs are kept. */
  job_days: v.optional(v.pipe(v.number(), v.minValue(0))),
  /** URL prefix to one or more replacement prefixes, tried in order before the original. */
  mirrors: v.optional(v.pipe(NotList, v.record(v.string(), v.union([v.string(), v.array(v.string())])))),
  connections: v.optional(Connections),
  /** Host to bearer token; only ever sent to that very host, over https. */
  tokens: v.optional(v.pipe(NotList, v.record(v.string(), v.string()))),
  cache: v.optional(
    v.pipe(
      NotList,
      v.looseObject({
        /** Bytes, or with a unit: `50 GB`, `1.5 TiB`. What was not used for longest goes first. */
        limit: v.optional(
          v.union(
            [v.pipe(v.number(), v.minValue(0, SIZE_WANTED)), v.pipe(v.string(), v.regex(SIZE, SIZE_WANTED))],
            SIZE_WANTED,
          ),
        ),
        /** Another cache folder, that is only read: downloads found there are not made again. */
        shared: v.optional(v.string()),
      }),
    ),
  ),
})
export type GlobalSettings = v.InferOutput<typeof GlobalSettings>
