import * as v from "valibot"
import { Connections } from "./global-settings.ts"
import { JobId } from "./job-id.ts"
import { RelayMode } from "./relay.ts"
import { SlurmOptions } from "./slurm-options.ts"

/** A dataset as a person names it. */
export const DatasetSelector = v.object({
  /** As typed: `com.lecun.mnist`, `com.lecun.mnist@image`, `mnist`, `org.example.x[dim=50]`. */
  id: v.string(),
  /** The repository searched first when `id` is not a full one. */
  defaultRepository: v.optional(v.string()),
})

export const Encoder = v.picklist(["normal", "xpm"])
export type Encoder = v.InferOutput<typeof Encoder>

/** An agreement that the person has accepted: by its id, whatever it says, or only with the text of this SHA-256. */
export const AcceptedAgreement = v.union([v.string(), v.object({ id: v.string(), sha256: v.string() })])
export type AcceptedAgreement = v.InferOutput<typeof AcceptedAgreement>

/** What `datasets/prepare` and `jobs/start` are told to do. */
export const Preparation = v.object({
  ...DatasetSelector.entries,
  encoder: Encoder,
  /** `false`: never fetch; fail with NOT_PREPARED for what the download cache does not have. */
  download: v.boolean(),
  force: v.optional(v.boolean()),
  keepDownloads: v.optional(v.boolean()),
  connections: v.optional(Connections),
  agreements: v.optional(v.array(AcceptedAgreement)),
  /** Chosen by the controller: asked for again with the same one, the work is found and not begun twice. */
  job: v.optional(JobId),
  /** What becomes of the work when the connection is lost; `continue` by default. */
  onDisconnect: v.optional(v.picklist(["continue", "cancel"])),
  /** Absent: the controller relays nothing. */
  relay: v.optional(RelayMode),
  /** Take what lacks from the machine that the controller has at hand, see `copyAddress`, and download nothing. */
  copy: v.optional(v.boolean()),
  /** The work runs in an allocation of Slurm. */
  slurm: v.optional(SlurmOptions),
  /** With `slurm`: one of so many that are asked for together, and submitted together. */
  batch: v.optional(v.object({ id: JobId, size: v.pipe(v.number(), v.integer(), v.minValue(1)) })),
})

/** A dataset once it is prepared. */
export const Prepared = v.object({ id: v.string(), repository: v.string(), value: v.unknown() })
