import { interrupted } from "@datamaestro/protocol"
import { redactUrl } from "../store/cache-url.ts"
import { BodyReader } from "./body-reader.ts"
import { contentChanged, contentProven } from "./content-changed.ts"
import { contentCoding } from "./content-coding.ts"
import { discard, openExchange, type Exchange } from "./exchange.ts"
import { throttled } from "./fetch-events.ts"
import { HTML_SNIFF_BYTES, looksLikeHtml } from "./html-page.ts"
import { readFileSource } from "./file-source.ts"
import { MOST_CONNECTIONS } from "./host-slots.ts"
import { receive } from "./receive.ts"
import { newSpan } from "./span.ts"
import { askedToRetry, Retryable } from "./retry-policy.ts"
import { receiveSegments } from "./receive-segments.ts"
import { htmlError, sizeError, statusError } from "./source-error.ts"
import type { Attempt, Transfer } from "./transfer-types.ts"
import { contentLength, isStrong, resumeValidator, sentRange, unsatisfiedTotal, validatorsOf } from "./validators.ts"

/** One request for what is still missing of a part. Resolves when the part is whole. */
export async function attemptTransfer(job: Transfer): Promise<void> {
  const { part, hasher, signal } = job
  if (part.written > 0) job.availability.ofPart(part)
  hasher.advance(part, part.state.length)
  if (part.bytes > 0 && part.bytes === part.state.length) return
  const range = part.written > 0 && job.parts.wanted ? rangeHeaders(job) : undefined
  const told = throttled(() => {
    const total = part.state.length ?? job.size
    const bytes = part.written
    job.emit({ phase: "download", url: redactUrl(job.source), bytes, ...(total === undefined ? {} : { total }) })
  })
  const attempt = { ...job, tell: (final?: boolean) => told(undefined, final) }
  if (/^file:/i.test(job.source)) return await readFileSource(attempt)
  const open = (headers: Record<string, string>): Promise<Exchange> =>
    openExchange(job.source, { headers, environment: job.environment, tuning: job.tuning, signal, wayOut: job.wayOut })
  let exchange = await open(range ?? {})
  const unproven = range !== undefined && mayBeOfAnother(job, exchange)
  if (unproven) job.parts.giveUp()
  const useless = unproven || (range !== undefined && mayRefuseRanges(exchange))
  if (useless) {
    await discard(exchange.body)
    exchange = await open({})
  }
  try {
    await answer(attempt, exchange, range !== undefined && !useless)
  } finally {
    // Also ends the connection of a response that was given up in the middle.
    exchange.body.on("error", () => {})
    exchange.body.destroy()
  }
}

/** Some servers refuse every request with `Range`, as if for good, and have the file all the same. */
function mayRefuseRanges({ status, headers }: Exchange): boolean {
  return status >= 400 && status !== 416 && askedToRetry(status, headers) === undefined
}

/** A 206 of nobody knows which file is not joined with what there is; one that is of another is told as that. */
function mayBeOfAnother(job: Transfer, { status, headers }: Exchange): boolean {
  return status === 206 && !contentChanged(job, headers, undefined) && !contentProven(job, headers)
}

/** `Range` for what is missing, where it is safe to ask for it. */
function rangeHeaders({ part, source, declared }: Transfer): Record<string, string> | undefined {
  const range = { range: `bytes=${part.bytes}-` }
  const same = part.state.source === redactUrl(source)
  const validator = same ? resumeValidator(part.state) : undefined
  if (validator !== undefined) return { ...range, "if-range": validator }
  // No proof; but a declared checksum would show a mixture. Another server's file must at least be as long.
  return declared && (same || part.state.length !== undefined) ? range : undefined
}

async function answer(job: Attempt, exchange: Exchange, asked: boolean): Promise<void> {
  const { status, headers } = exchange
  if (status === 200) return await whole(job, exchange)
  if (status === 206 && asked) return await rest(job, exchange)
  if (status === 416 && asked) return await unsatisfied(job, exchange)
  await discard(exchange.body)
  throw askedToRetry(status, headers) ?? statusError(job.source, status, job.byHand)
}

/** 200: everything from the first byte, whatever was asked for. */
async function whole(job: Attempt, exchange: Exchange): Promise<void> {
  const { headers, body } = exchange
  const { part, hasher } = job
  const length = contentLength(headers["content-length"])
  const encoding = contentCoding(headers)
  if (encoding === undefined) checkSize(job, length)
  const reader = new BodyReader(body)
  // Looked at before the part is given up: a login page must not replace what was downloaded.
  const start = await firstChunks(reader)
  if (job.data && encoding === undefined && looksLikeHtml(Buffer.concat(start))) throw htmlError(job)
  if (part.written > 0) {
    job.emit({
      phase: "notice",
      level: "debug",
      message: `Starting over with "${redactUrl(job.source)}": the server sends it from the start`,
    })
    await part.restart()
    hasher.reset()
  }
  part.state = {
    source: redactUrl(job.source),
    ...validatorsOf(headers),
    ...(length === undefined ? {} : { length }),
    ...(encoding === undefined ? {} : { encoding }),
  }
  await job.space.require(part, job.size)
  await part.checkpoint()
  await receiveAll(job, exchange, start, reader, length)
  if (length === undefined) part.state = { ...part.state, length: part.bytes }
}

/** 206: the rest, if it is the rest of the same file. */
async function rest(job: Attempt, exchange: Exchange): Promise<void> {
  const { headers, body } = exchange
  const { part, hasher } = job
  const range = sentRange(headers)
  const total = range?.total ?? part.state.length
  const elsewhere = range === undefined || range.start > part.bytes
  if (elsewhere || contentChanged(job, headers, range.total)) {
    await discard(body)
    await part.restart()
    hasher.reset()
    if (elsewhere) job.parts.giveUp()
    throw new Retryable(
      elsewhere ? "the server answered with another range than was asked for" : "the file has changed on the server",
    )
  }
  // From here on, so that what comes before a cut is kept however long the storage takes.
  const reader = new BodyReader(body)
  if (range.start < part.bytes) await part.truncate(range.start)
  if (total !== undefined) part.state = { ...part.state, length: total }
  // The bytes of another source: its validators, if any, speak of its own file.
  if (part.state.source !== redactUrl(job.source)) {
    const { encoding } = part.state
    part.state = {
      source: redactUrl(job.source),
      ...validatorsOf(headers),
      ...(total === undefined ? {} : { length: total }),
      ...(encoding === undefined ? {} : { encoding }),
    }
  }
  await job.space.require(part, job.size)
  await part.checkpoint()
  await receiveAll(job, exchange, [], reader, range.end)
  if (total === undefined) part.state = { ...part.state, length: part.bytes }
  else if (part.bytes < total) throw new Retryable(`the server sent a part only, ${part.bytes} of ${total} bytes`)
}

/** 416: nothing is missing, or what we have is not the beginning of this file. */
async function unsatisfied(job: Transfer, { headers, body }: Exchange): Promise<void> {
  const { part, hasher } = job
  const { bytes } = part
  const { length } = part.state
  await discard(body)
  const total = unsatisfiedTotal(headers["content-range"])
  if (total === bytes && !contentChanged(job, headers, bytes)) {
    part.state = { ...part.state, length: bytes }
    return
  }
  await part.restart()
  hasher.reset()
  // It ends where the connection ended the last time: what was announced then was more than there is.
  if (total === bytes && length !== undefined && length > bytes) {
    throw new Retryable(`the server ended the content after ${bytes} of ${length} bytes`, { endedAt: bytes })
  }
  throw new Retryable(
    total !== undefined && total < bytes
      ? "the file on the server is shorter than what was downloaded before"
      : "the server does not send what is missing of the file",
  )
}

/** Receives a body whose first byte goes to the end of the part, and all else that lacks if ranges can be asked for. */
async function receiveAll(
  job: Attempt,
  { body, headers, status }: Exchange,
  start: readonly Buffer[],
  reader: BodyReader,
  end: number | undefined,
): Promise<void> {
  const { part, tuning } = job
  const { length } = part.state
  const from = part.bytes
  const most = Math.min(tuning.connections, MOST_CONNECTIONS)
  job.tell(true)
  try {
    const ranges = status === 206 || headers["accept-ranges"]?.trim().toLowerCase() === "bytes"
    const missing = ranges && mayBeSplit(job) ? (length ?? 0) - part.written : 0
    const many = most > 1 && missing >= tuning.segmentFromBytes
    const endFirst =
      missing >= tuning.endFirstFromBytes && mayTakeEnd(job, length ?? 0) ? (most > 1 ? "beside" : "after") : undefined
    if (length !== undefined && end !== undefined && (many || endFirst !== undefined || part.written > from)) {
      const close = (): void => void body.destroy()
      const opened = { start, body: reader, from, end, close }
      await receiveSegments(job, opened, { length, most: many ? most : 1, endFirst })
    } else await receive(job, newSpan(from, end), start, reader)
  } finally {
    job.tell(true)
  }
}

/** Whether what several connections bring is known to be of the same file. */
function mayBeSplit({ part, declared, parts }: Attempt): boolean {
  if (!parts.several) return false
  const validator = resumeValidator(part.state)
  return part.state.encoding === undefined && validator !== undefined && (declared || isStrong(validator))
}

/** Once for each source: a server that refuses it is not to be asked again and again. */
function mayTakeEnd({ endFirst, part }: Attempt, length: number): boolean {
  if (!endFirst.wanted || part.gaps(length).at(-1)?.[1] !== length) return false
  endFirst.wanted = false
  return true
}

/** The first chunks; a failure among them comes again when the rest is read, as any later one. */
async function firstChunks(body: BodyReader): Promise<Buffer[]> {
  const start: Buffer[] = []
  try {
    for (let bytes = 0; bytes < HTML_SNIFF_BYTES;) {
      const chunks = await body.next()
      if (chunks === undefined) break
      for (const chunk of chunks) bytes += chunk.length
      start.push(...chunks)
    }
  } catch {
    return start
  }
  return start
}

function checkSize(job: Transfer, found: number | undefined): void {
  if (job.signal.aborted) throw interrupted()
  if (job.size === undefined || found === undefined || found === job.size) return
  throw sizeError(job, found)
}
