/** The bytes of the part that one connection brings. */
export interface Span {
  /** Where the next byte goes; moves on as they come. */
  position: number
  /** Where the body must end: fewer bytes are a truncation, more a server that lies. */
  readonly end: number | undefined
  /** Where the bytes of others begin: there it is left. May come down to anywhere after `position` meanwhile. */
  stop: number | undefined
  /** Milliseconds spent waiting for the network. */
  waited: number
  /** Since when it waits now. */
  waitsSince: number | undefined
}

/** One of which nothing has come yet. */
export function newSpan(position: number, end: number | undefined, stop?: number): Span {
  return { position, end, stop, waited: 0, waitsSince: undefined }
}

/** Counts how long the network was waited for. Where it fails, `waitsSince` stays: the connection is of no use any more. */
export async function waitedFor<T>(span: Span, next: Promise<T>): Promise<T> {
  span.waitsSince = performance.now()
  const received = await next
  span.waited += performance.now() - span.waitsSince
  span.waitsSince = undefined
  return received
}
