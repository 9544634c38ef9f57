import { formatBytes } from "@datamaestro/protocol"
import { countOf, endedKey, type Count } from "./count-of.ts"
import { Crowd } from "./crowd.ts"
import { describeEvent } from "./describe-event.ts"
import { formatError } from "./format-error.ts"
import type { CommandEvent, Reporter, ReporterOptions } from "./reporter.ts"
import { sanitizeLine } from "./sanitize.ts"

export interface LineReporterOptions extends ReporterOptions {
  /** Milliseconds since any moment. */
  now?: () => number
}

interface Told {
  at: number
  fraction: number
}

const LEAST_INTERVAL = 30_000
const LEAST_FRACTION = 0.05
const LONGEST_SILENCE = 300_000

/**
 * One plain line per step, for logs: a start, then a line once 30 s and 5 % have passed (or 5 min), retries,
 * waits and ends. A thousand small files and one that takes a night both stay readable.
 */
export function lineReporter(options: LineReporterOptions): Reporter {
  const now = options.now ?? Date.now
  // By work, then by verb: what is downloaded and extracted in one pass alternates between the two.
  const told = new Map<string, Map<string, Told>>()
  const print = (text: string, host?: string): void => {
    options.stream.write(`${host === undefined ? "" : `${sanitizeLine(host)}: `}${text}\n`)
  }
  const crowd = new Crowd(now)
  const due = (key: string, count: Count): "start" | "course" | undefined => {
    const fraction = count.total === undefined || count.total === 0 ? 0 : count.value / count.total
    const ofWork = told.get(key) ?? new Map<string, Told>()
    told.set(key, ofWork)
    const last = ofWork.get(count.verb)
    const at = now()
    const waited = last === undefined ? 0 : at - last.at
    const moved = last !== undefined && (count.total === undefined || fraction - last.fraction >= LEAST_FRACTION)
    const tell = last === undefined || (waited >= LEAST_INTERVAL && moved) || waited >= LONGEST_SILENCE
    if (tell) ofWork.set(count.verb, { at, fraction })
    if (!tell) return undefined
    // An upload of one chunk or two is told once: as what there is to do.
    return last === undefined && (fraction < LEAST_FRACTION || count.verb === "uploading") ? "start" : "course"
  }
  return {
    event(event: CommandEvent, host?: string) {
      const count = countOf(event)
      if (count !== undefined) {
        const key = `${host ?? ""}\0${count.key}`
        const begins = told.get(key)?.has(count.verb) !== true
        const moment = due(key, count)
        const instead = !begins || options.debug || crowd.begin(event, host)
        if (typeof instead === "string") print(instead, host)
        else if (moment !== undefined && instead) print(describeCount(count, event, moment), host)
        return
      }
      const ended = endedKey(event)
      if (ended !== undefined) told.delete(`${host ?? ""}\0${ended}`)
      const instead = options.debug || crowd.take(event, host)
      const text = instead === true ? describeEvent(event, options.debug) : instead
      if (typeof text === "string") print(text, host)
    },
    error(error, host) {
      options.stream.write(`${formatError(error, { ...options, host, color: false })}\n`)
    },
    pause() {},
    resume() {},
    end() {},
  }
}

/** `ID NAME: downloading, 12 %, 3.0 MB of 25.0 MB`; at the start, what is to be done: `ID NAME: downloading, 25.0 MB`. */
export function describeCount(count: Count, event: CommandEvent, moment: "start" | "course" = "course"): string {
  const subject = count.dataset === undefined ? count.name : `${count.dataset} ${count.name}`
  const source = event.phase === "download" && event.bytes === 0 ? ` from ${event.url}` : ""
  const figures = moment === "start" ? startOf(count) : courseOf(count)
  return sanitizeLine([`${subject}: ${count.verb}${source}`, ...figures].join(", "))
}

/** No `0 %`: for what is quick it would be the last that is told. */
function startOf({ unit, total, note }: Count): string[] {
  if (unit !== "bytes") return note === undefined ? [] : [note]
  return total === undefined || total === 0 ? [] : [formatBytes(total)]
}

function courseOf({ unit, value, total, note }: Count): string[] {
  const percent = total !== undefined && total > 0 ? [`${Math.floor((100 * value) / total)} %`] : []
  const bytes = formatBytes(value) + (total === undefined ? "" : ` of ${formatBytes(total)}`)
  return [...percent, ...(unit === "bytes" && value > 0 ? [bytes] : []), ...(note === undefined ? [] : [note])]
}
