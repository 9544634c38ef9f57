import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import { setTimeout as sleep } from "node:timers/promises"
import { redactUrl } from "../store/cache-url.ts"
import { attemptTransfer } from "./attempt.ts"
import { ProxyRefused } from "./proxy-unreachable.ts"
import { networkFailure, Retryable, retryDelay } from "./retry-policy.ts"
import { sourceError } from "./source-error.ts"
import type { Transfer } from "./transfer-types.ts"

/**
 * Brings a part to its end from one source, trying again after failures that may pass. The budget of attempts resets
 * when bytes come that were never there before, so that a bad line only takes longer, and a server that always cuts
 * at the same place is given up: what it has is truncated.
 */
export async function transfer(job: Transfer): Promise<void> {
  const { part, signal, tuning } = job
  let failures = 0
  let best = part.written
  let endedAt = 0
  for (;;) {
    const failure = await attemptTransfer(job).then(
      () => undefined,
      (error: unknown) => asRetryable(error, job),
    )
    if (failure === undefined) return
    if (part.written > best) failures = 0
    best = Math.max(best, part.written)
    failures++
    endedAt = failures === 1 || failure.endedAt === endedAt ? failure.endedAt : 0
    if (failures >= job.attempts) throw givenUp(job, failure, failures, endedAt > 0)
    if (failure.floor > tuning.longestRetryAfterSeconds) throw askedToWait(job, failure)
    const delay = retryDelay(failures, failure.floor, tuning)
    job.emit({ phase: "retry", url: redactUrl(job.source), attempt: failures, delay, reason: failure.message })
    await sleep(delay * 1000, undefined, { signal }).catch(() => {
      throw interrupted()
    })
  }
}

/** Another attempt may help; everything else is thrown. */
function asRetryable(error: unknown, job: Transfer): Retryable {
  if (job.signal.aborted) throw interrupted()
  if (error instanceof Retryable) return error
  if (error instanceof DatamaestroError) {
    const mayGoOn = error.code === "CONNECTION_LOST" && job.wayOut?.relayed === false
    if (mayGoOn) return new Retryable("the connection to the controller, through which it came, is gone")
    throw error
  }
  const failure = networkFailure(error)
  if (failure === undefined) throw error
  if (failure.retry) return new Retryable(failure.reason, { cause: error })
  throw sourceError("DOWNLOAD_FAILED", job.source, failure.reason, hintFor(failure, error, job), { cause: error })
}

/** What to do about a failure that will not pass. */
function hintFor(failure: { reason: string; certificate: boolean }, error: unknown, job: Transfer): string {
  if (error instanceof ProxyRefused) return error.hint
  const machine =
    job.wayOut?.relayed === true ? "the machine that relays: where the command was typed" : "the data machine"
  if (!failure.certificate) return `check the URL, the network and the proxies of ${machine}; or ${job.byHand}`
  // Nothing that is trusted besides would help.
  if (/EXPIRED|NOT_YET_VALID|ALTNAME/.test(failure.reason)) {
    return `check the URL, and the clock of ${machine}; if they are right, those who run the server must repair it: ${job.byHand}`
  }
  return `if your site has its own certificate authority, name its file in SSL_CERT_FILE or NODE_EXTRA_CA_CERTS on ${machine}`
}

function givenUp(job: Transfer, failure: Retryable, attempts: number, truncated: boolean): DatamaestroError {
  const reason = `${failure.message}, ${attempts} ${attempts === 1 ? "time" : "times"} in a row`
  const kept =
    job.part.written > 0 ? "run it again later: what was downloaded is kept and will be continued" : "try again later"
  return sourceError(truncated ? "TRUNCATED" : "DOWNLOAD_FAILED", job.source, reason, `${kept}; or ${job.byHand}`, {
    details: {
      attempts,
      bytes: job.part.written,
      ...(job.part.state.length === undefined ? {} : { wanted: job.part.state.length }),
    },
    cause: failure,
  })
}

function askedToWait(job: Transfer, failure: Retryable): DatamaestroError {
  const minutes = Math.ceil(failure.floor / 60)
  return sourceError(
    "DOWNLOAD_FAILED",
    job.source,
    `${failure.message} and asks to wait ${minutes} minutes`,
    `run it again in ${minutes} minutes: what was downloaded is kept and will be continued`,
    { details: { retryAfter: failure.floor } },
  )
}
