import type { Environment } from "@datamaestro/outgoing"
import type { ProgressListener, RelayMode } from "@datamaestro/protocol"
import type { Readable } from "node:stream"
import { ProxyUnreachable } from "./proxy-unreachable.ts"
import { reach } from "./reach.ts"
import { networkFailure, neverConnected } from "./retry-policy.ts"

export interface RelayRequest {
  url: string
  method: "GET" | "HEAD"
  headers: Readonly<Record<string, string>>
  signal: AbortSignal
}

/** Asks web servers from another machine. No redirect is followed. */
export interface Relay {
  /** That machine is gone, for good. */
  readonly gone: boolean
  /**
   * @throws Error with the `code` of the network's failure there, FAILED where that has none, or REFUSED; DatamaestroError
   * CONNECTION_LOST when that machine is gone
   */
  request(request: RelayRequest): Promise<{ status: number; headers: Record<string, string>; body: Readable }>
}

/** What answers when a machine has a way out; `doctor` asks it too. */
const LANDMARK = "https://example.com/"

/** What was found of this machine's way out, for each relay: why there is none, or nothing when there is one. */
const found = new WeakMap<Relay, Promise<string | undefined>>()

export interface WayOutOptions {
  relay: Relay
  mode: RelayMode
  progress: ProgressListener
}

function serverOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url
}

/** Decides whether requests leave from this machine or go through a relay. */
export class WayOut {
  readonly relay: Relay
  readonly #mode: RelayMode
  readonly #progress: ProgressListener
  #relayed: boolean
  /** The relay is gone, and this machine has found no way out since. */
  #closed = false
  /** Servers of mirrors that this machine did not reach by itself. */
  readonly #unreached = new Set<string>()

  constructor({ relay, mode, progress }: WayOutOptions) {
    this.relay = relay
    this.#mode = mode
    this.#progress = progress
    this.#relayed = mode === "always"
  }

  /**
   * Requests go through the relay. Once that is gone, this machine's own way is tried again, unless it was not to be used at
   * all: that there was none may have been for a short time.
   */
  get relayed(): boolean {
    return this.#relayed && (this.#mode === "always" || this.#closed || !this.relay.gone)
  }

  /** A direct request was answered. */
  reached(): void {
    if (this.relay.gone) this.#relayed = false
  }

  /** Says whether a mirror, which the relay doesn't know, is worth asking directly; where all is to be relayed, none is. */
  mayReach(mirror: string): boolean {
    return !this.relayed || (this.#mode === "auto" && !this.#unreached.has(serverOf(mirror)))
  }

  /** A mirror was given up. One whose server was not reached is left out once downloads are relayed. */
  lost(mirror: string, failed: unknown): void {
    if (neverConnected(failed)) this.#unreached.add(serverOf(mirror))
  }

  /**
   * A direct request failed. Says whether the relay is to be used from now on: if no server was reached, and this machine
   * reaches no other either. A server that is down is no reason; nor is anything where the relay is gone, which can't be
   * better, unless it was needed before.
   */
  async blocked(failed: unknown, url: URL, environment: Environment, signal: AbortSignal): Promise<boolean> {
    if (this.relayed) return true
    if (!neverConnected(failed)) return false
    if (this.relay.gone) return (this.#closed = this.#relayed)
    let checking = found.get(this.relay)
    if (checking === undefined) {
      checking = reach(LANDMARK, environment, signal).then(({ failure }) => failure)
      // One that was interrupted has found nothing.
      checking.catch(() => found.delete(this.relay))
      found.set(this.relay, checking)
    }
    const reason = await checking
    if (reason === undefined || this.relay.gone) return false
    if (!this.#relayed) {
      const why = networkFailure(failed)?.reason ?? reason
      const blamed = failed instanceof ProxyUnreachable ? why : `${url.host}: ${why}`
      this.#progress({
        phase: "notice",
        level: "warning",
        message: `This machine finds no way out (${blamed}): downloads go through the controller`,
      })
    }
    this.#relayed = true
    return true
  }
}
