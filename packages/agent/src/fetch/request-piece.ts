import { BodyReader } from "./body-reader.ts"
import { contentChanged, contentProven } from "./content-changed.ts"
import { discard, openExchange } from "./exchange.ts"
import { receive } from "./receive.ts"
import { askedToRetry, Retryable } from "./retry-policy.ts"
import { statusError } from "./source-error.ts"
import { waitedFor, type Span } from "./span.ts"
import type { Attempt } from "./transfer-types.ts"
import { resumeValidator, sentRange, validatorsOf } from "./validators.ts"

/** The server has another file by now: nothing of the part can be kept. */
export class ContentChanged extends Retryable {
  constructor() {
    super("the file has changed on the server")
  }
}

/** The server answers with the whole file, as proxies do that check for viruses. */
export class PartRefused extends Retryable {
  constructor() {
    super("the server does not send parts of the file any more")
  }
}

/** Brings one piece over a connection of its own. `onAnswer`: the server has begun to send. */
export async function requestPiece(job: Attempt, span: Span, signal: AbortSignal, onAnswer: () => void): Promise<void> {
  const { part, source, environment, tuning } = job
  const validator = resumeValidator(part.state)
  const opening = openExchange(source, {
    headers: {
      range: `bytes=${span.position}-${(span.stop ?? 0) - 1}`,
      ...(validator === undefined ? {} : { "if-range": validator }),
    },
    environment,
    tuning,
    signal,
    wayOut: job.wayOut,
  })
  const { status, headers, body } = await waitedFor(span, opening)
  try {
    if (status === 206) {
      const range = sentRange(headers)
      if (range !== undefined && contentChanged(job, headers, range.total)) throw new ContentChanged()
      if (range?.start !== span.position) {
        job.parts.giveUp()
        throw new Retryable("the server answered with another range than was asked for")
      }
      if (!contentProven(job, headers)) {
        job.parts.giveUp()
        throw new Retryable("the server does not say of which file its part is")
      }
      onAnswer()
      await receive(job, span, [], new BodyReader(body))
      return
    }
    await discard(body)
    if (status === 200 || status === 412 || status === 416) {
      const same = validator === undefined || validator === resumeValidator(validatorsOf(headers))
      if (status !== 200 || !same) throw new ContentChanged()
      throw new PartRefused()
    }
    throw askedToRetry(status, headers) ?? statusError(source, status, job.byHand)
  } finally {
    body.on("error", () => {})
    body.destroy()
  }
}
