import { dirname } from "node:path"
import type { CachePart } from "../store/cache-part.ts"
import { noSpace } from "../store/free-space.ts"

/** Downloads of this process that are under way, with how long each will be; by their part. */
const underWay = new Map<CachePart, number>()

/**
 * Holds one download against the free space, before bytes are asked for in vain: together with what others that are under
 * way still lack, and with what is going to be made of it.
 */
export class SpaceCheck {
  readonly #grows: boolean
  #begun = false
  #part: CachePart | undefined

  /** @param grows what is made of it takes at least its size again */
  constructor(grows: boolean) {
    this.#grows = grows
  }

  /** @throws DatamaestroError NO_SPACE when the file system can't take it, as far as is known */
  async require(part: CachePart, size: number | undefined): Promise<void> {
    const length = part.state.length ?? size
    if (length === undefined) return
    this.end()
    // Once it comes, what is made of it may take some of its space already.
    const output = this.#grows && !this.#begun ? length : 0
    this.#begun = true
    const available = await part.space().catch(() => undefined)
    const needed = length - part.written + output + lackedBesides(part)
    if (available !== undefined && needed > available) {
      throw noSpace(`write "${part.path}"`, needed, available, part.path)
    }
    // Only what fits counts for the others: one that is refused must not take them along.
    underWay.set(part, length)
    this.#part = part
  }

  /** It needs no more. */
  end(): void {
    if (this.#part !== undefined) underWay.delete(this.#part)
    this.#part = undefined
  }
}

/** What other downloads into the same folder still lack. */
function lackedBesides(own: CachePart): number {
  let bytes = 0
  for (const [part, length] of underWay) {
    if (part !== own && dirname(part.path) === dirname(own.path)) bytes += Math.max(0, length - part.written)
  }
  return bytes
}
