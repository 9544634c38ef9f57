import type { CachePart } from "../store/cache-part.ts"
import type { Availability } from "./availability.ts"
import type { JobEvent } from "./fetch-events.ts"
import type { FetchTuning } from "./fetch-types.ts"
import type { PartHasher } from "./part-hasher.ts"
import type { PartRequests } from "./part-requests.ts"
import type { Environment } from "@datamaestro/outgoing"
import type { SpaceCheck } from "./space.ts"
import type { WayOut } from "./way-out.ts"

/** Everything that one source's transfer needs. */
export interface Transfer {
  source: string
  part: CachePart
  hasher: PartHasher
  /** A checksum is declared: joining what can't be proven the same is allowed, as it will be found out. */
  declared: boolean
  /** Bytes that the definition declares. */
  size: number | undefined
  space: SpaceCheck
  /** Whether the end, where a zip has its directory, is still to be asked for before the rest. */
  endFirst: { wanted: boolean }
  parts: PartRequests
  /** An HTML page is not what is due. */
  data: boolean
  /** What to do by hand, for hints. */
  byHand: string
  /** Attempts in a row without a new byte before giving up. */
  attempts: number
  tuning: FetchTuning
  environment: Environment
  wayOut: WayOut | undefined
  signal: AbortSignal
  emit(event: JobEvent): void
  /** Tells those who read while it comes. */
  availability: Availability
}

/** One try of it. */
export interface Attempt extends Transfer {
  /** Shows how far it is, now and then; `final`: in any case. */
  tell(final?: boolean): void
}
