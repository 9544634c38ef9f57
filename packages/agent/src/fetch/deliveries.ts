import type { Span } from "./span.ts"

/** A span that is on its way over a connection. */
interface Bringing {
  from: number
  since: number
  leave(): void
}

/** What the connections to one file bring, and have brought. */
export class Deliveries {
  readonly #bringing = new Map<Span, Bringing>()
  #waited = 0
  #received = 0
  /** That the spans which have ended took together. */
  #milliseconds = 0

  /** @param leave ends the connection that brings it */
  begin(span: Span, leave: () => void): void {
    this.#bringing.set(span, { from: span.position, since: performance.now(), leave })
  }

  end(span: Span): void {
    const bringing = this.#bringing.get(span)
    if (bringing === undefined) return
    this.#bringing.delete(span)
    this.#waited += span.waited
    this.#received += span.position - bringing.from
    this.#milliseconds += performance.now() - bringing.since
  }

  /** Ends the connection that brings the span. */
  leave(span: Span): void {
    this.#bringing.get(span)?.leave()
  }

  /** Those being brought. */
  get spans(): readonly Span[] {
    return [...this.#bringing.keys()]
  }

  /** Bytes that came, also those not yet written. */
  get received(): number {
    let sum = this.#received
    for (const [{ position }, { from }] of this.#bringing) sum += position - from
    return sum
  }

  /** Milliseconds that all connections together waited for the network. */
  get waited(): number {
    let sum = this.#waited
    const now = performance.now()
    for (const { waited, waitsSince } of this.#bringing.keys()) sum += waited + (now - (waitsSince ?? now))
    return sum
  }

  /** Bytes a second of one connection, over the spans that have ended; 0 before one has. */
  get typicalRate(): number {
    return (this.#received / Math.max(1, this.#milliseconds)) * 1000
  }
}
