import type { CachePart } from "../store/cache-part.ts"
import type { JobEvent } from "./fetch-events.ts"

const STEP_BYTES = 1024 * 1024
const STEP_MILLISECONDS = 20

/** Tells how much of a download can be read already, and when what was told before became void. */
export class Availability {
  readonly #emit: (event: JobEvent) => void
  #content = ""
  #generation = 0
  #bytes = 0
  #any = false
  #told = 0

  constructor(emit: (event: JobEvent) => void) {
    this.#emit = emit
  }

  /** The part's bytes from its start, as they are now; `last`: more may not come soon. */
  ofPart(part: CachePart, last = false): void {
    // Encoded bytes are not the file's: what is decoded from them comes as another part.
    if (part.state.encoding !== undefined) return
    this.#tell(part.path, `${part.path} ${part.epoch}`, part.bytes, {
      total: part.state.length,
      endFrom: endOf(part),
      last,
    })
  }

  /** A part that is whole and sound. */
  ofWhole(part: CachePart): void {
    this.#tell(part.path, `${part.path} ${part.epoch}`, part.bytes, { total: part.bytes, last: true })
  }

  /** A whole file in the cache. One that has been told as a part keeps its generation: only its name is new. */
  ofEntry({ path, bytes }: { path: string; bytes: number }, part?: CachePart): void {
    this.#tell(path, part === undefined ? path : `${part.path} ${part.epoch}`, bytes, { total: bytes, last: true })
  }

  #tell(
    path: string,
    content: string,
    bytes: number,
    { total, endFrom, last }: { total: number | undefined; endFrom?: number | undefined; last: boolean },
  ): void {
    const now = performance.now()
    if (content !== this.#content) {
      // Nothing is void where nothing was told.
      if (this.#any) this.#generation++
      this.#content = content
      this.#bytes = 0
      this.#any = false
    } else if (!last && bytes - this.#bytes < STEP_BYTES && now - this.#told < STEP_MILLISECONDS) return
    this.#bytes = bytes
    this.#any ||= bytes > 0 || endFrom !== undefined
    this.#told = now
    this.#emit({
      phase: "available",
      path,
      bytes,
      generation: this.#generation,
      ...(total === undefined ? {} : { total }),
      ...(endFrom === undefined ? {} : { endFrom }),
    })
  }
}

/** Where the bytes begin that are there up to its end. */
function endOf(part: CachePart): number | undefined {
  const { length } = part.state
  if (length === undefined || part.written === part.bytes) return undefined
  const last = part.gaps(length).at(-1)
  return last === undefined || last[1] === length ? undefined : last[1]
}
