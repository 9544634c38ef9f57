import { interrupted } from "@datamaestro/protocol"
import type PQueue from "p-queue"

/** How much runs side by side in one agent, over all datasets. */
const DOWNLOADS = 4
/** Of small files more: they are nearly all waiting for the server. From one server, and in all. */
const SMALL_FROM_ONE = 8
const SMALL_DOWNLOADS = 16
const EXTRACTIONS = 2
/** Of one dataset: enough that all queues are full while others are recorded, and no more than memory is for. */
export const RESOURCES_AT_ONCE = 256

interface Queues {
  downloads: PQueue
  smallDownloads: PQueue
  /** Also transforms and steps: what keeps a processor busy. */
  extractions: PQueue
  /** Archives of datasets that several processes work on. */
  shares: PQueue
}

let made: Promise<Queues> | undefined

/** The agent's queues, made when first needed. */
export function queues(): Promise<Queues> {
  made ??= import("p-queue").then(({ default: Queue }) => ({
    downloads: new Queue({ concurrency: DOWNLOADS }),
    smallDownloads: new Queue({ concurrency: SMALL_DOWNLOADS }),
    extractions: new Queue({ concurrency: EXTRACTIONS }),
    shares: new Queue({ concurrency: EXTRACTIONS }),
  }))
  return made
}

const small = new Map<string, PQueue>()

/** A turn among the small downloads of a URL's server, and then among all of them. */
export async function inSmallTurn<T>(url: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const { default: Queue } = await import("p-queue")
  const { smallDownloads } = await queues()
  const host = URL.canParse(url) ? new URL(url).host : ""
  const own = small.get(host) ?? new Queue({ concurrency: SMALL_FROM_ONE })
  small.set(host, own)
  return await inTurn(own, signal, () => inTurn(smallDownloads, signal, work))
}

let early = 0

/**
 * A turn for work that goes along with a download and so may last as long as that: none of those that what is only
 * waiting for a processor takes. False when there is none now.
 */
export function enterEarly(): boolean {
  if (early >= EXTRACTIONS) return false
  early++
  return true
}

export function leaveEarly(): void {
  early--
}

/**
 * Runs work when its turn comes. An abort ends the waiting; work that has begun ends by itself, since its caller must
 * not give back what it still uses.
 *
 * @param work may give its turn to the next one before it ends, by calling `leave`
 */
export async function inTurn<T>(
  queue: PQueue,
  signal: AbortSignal,
  work: (leave: () => void) => Promise<T>,
): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(interrupted())
    if (signal.aborted) return abort()
    signal.addEventListener("abort", abort, { once: true })
    void queue.add(async () => {
      if (signal.aborted) return
      signal.removeEventListener("abort", abort)
      await new Promise<void>((leave) => {
        // What throws at once has failed like any other.
        void (async () => await work(leave))().then(resolve, reject).finally(leave)
      })
    })
  })
}
