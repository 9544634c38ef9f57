import { formatBar, type BarState } from "./bar-format.ts"
import { countOf, endedKey, type Count } from "./count-of.ts"
import { describeEvent } from "./describe-event.ts"
import { formatError } from "./format-error.ts"
import { LiveLines, widthOf } from "./live-lines.ts"
import type { CommandEvent, Reporter, ReporterOptions } from "./reporter.ts"
import { sanitizeLine } from "./sanitize.ts"

interface Work {
  state: Omit<BarState, "showDataset">
  measuredAt: number
  measuredValue: number
  /** When it was told of last, by the same clock. */
  heardAt: number
}

const RATE_INTERVAL = 500
/** A download that was silent for so long is waited for less than what is made of it, in milliseconds. */
const DOWNLOAD_SILENCE = 2000
/** After so long without a sign of a dataset a person wonders, in milliseconds. */
const PATIENCE = 1500

/** Bars at the bottom of a terminal, and lines above them for what is told once. */
export class TerminalReporter implements Reporter {
  readonly #options: ReporterOptions & { color: boolean }
  readonly #work = new Map<string, Work>()
  readonly #datasets = new Set<string>()
  /** By host and dataset: what was begun, and has told nothing since. */
  readonly #silent = new Map<string, NodeJS.Timeout>()
  readonly #live: LiveLines
  #pauses = 0
  #kept: string[] = []

  constructor(options: ReporterOptions & { color: boolean }) {
    this.#options = options
    this.#live = new LiveLines(options.stream, () => this.#bars())
  }

  event(event: CommandEvent, host?: string): void {
    if ("dataset" in event) {
      this.#datasets.add(event.dataset)
      this.#heard(`${host ?? ""}\0${event.dataset}`)
    }
    const count = countOf(event)
    if (count !== undefined) {
      this.#count(`${host ?? ""}\0${count.key}`, count, host)
      return
    }
    const ended = endedKey(event)
    if (ended !== undefined) this.#finish(`${host ?? ""}\0${ended}`)
    if (event.phase === "retry") this.#wait(event, host)
    const text = describeEvent(event, this.#options.debug)
    if (text === undefined) return
    const line = `${host === undefined ? "" : `${sanitizeLine(host)}: `}${this.#painted(event, text)}`
    // Bars tell that it has begun; where a server is silent there is none.
    if (event.phase === "dataset" && event.state === "started") this.#printLate(`${host ?? ""}\0${event.dataset}`, line)
    else this.#print(line)
  }

  error(error: Parameters<Reporter["error"]>[0], host?: string): void {
    for (const key of this.#work.keys()) {
      const [on, dataset] = key.split("\0")
      // With a single host events don't name it.
      if (dataset === error.details["dataset"] && (on === "" || on === host)) this.#finish(key)
    }
    this.#print(formatError(error, { ...this.#options, host }))
  }

  pause(): void {
    this.#pauses++
    this.#live.hide()
  }

  resume(): void {
    this.#pauses--
    if (this.#pauses > 0) return
    const kept = this.#kept
    this.#kept = []
    for (const text of kept) this.#print(text)
    this.#show()
  }

  end(): void {
    for (const key of this.#silent.keys()) this.#heard(key)
    this.#live.hide()
    this.#work.clear()
    for (const text of this.#kept) this.#options.stream.write(`${text}\n`)
    this.#kept = []
  }

  #count(key: string, count: Count, host: string | undefined): void {
    const now = Date.now()
    const known = this.#work.get(key)
    if (known !== undefined && goesAlong(count, known, now)) return
    if (known === undefined || known.state.verb !== count.verb || known.state.resumesAt !== undefined) {
      const state = { ...count, rate: 0, host }
      this.#work.set(key, { state, measuredAt: now, measuredValue: count.value, heardAt: now })
    } else {
      const elapsed = now - known.measuredAt
      if (elapsed >= RATE_INTERVAL) {
        const rate = (1000 * Math.max(0, count.value - known.measuredValue)) / elapsed
        known.state.rate = known.state.rate === 0 ? rate : 0.7 * known.state.rate + 0.3 * rate
        known.measuredAt = now
        known.measuredValue = count.value
      }
      known.heardAt = now
      Object.assign(known.state, count)
    }
    this.#show()
    // Nothing else tells that an upload or a check has ended.
    if (["uploading", "checking"].includes(count.verb) && count.value >= (count.total ?? Infinity)) this.#finish(key)
  }

  /** What was begun of it stays to be seen, and when it goes on. */
  #wait(event: CommandEvent & { phase: "retry" }, host: string | undefined): void {
    const none = countOf({ ...event, phase: "download", bytes: 0 })
    if (none === undefined) return
    const key = `${host ?? ""}\0${none.key}`
    const now = Date.now()
    const known = this.#work.get(key) ?? {
      state: { ...none, rate: 0, host },
      measuredAt: now,
      measuredValue: 0,
      heardAt: now,
    }
    known.state.resumesAt = now + 1000 * event.delay
    this.#work.set(key, known)
    this.#show()
  }

  #show(): void {
    if (this.#pauses === 0 && this.#work.size > 0) this.#live.show()
  }

  #finish(key: string): void {
    this.#work.delete(key)
    if (this.#work.size === 0) this.#live.hide()
  }

  /** As many as the terminal has room for, the oldest first. */
  #bars(): string[] {
    const { stream } = this.#options
    const room = Math.max(1, (stream.rows ?? 24) - 2)
    const showDataset = this.#datasets.size > 1
    return [...this.#work.values()]
      .slice(0, room)
      .map(({ state }) => formatBar({ ...state, showDataset }, widthOf(stream)))
  }

  #print(text: string): void {
    if (this.#pauses > 0) this.#kept.push(text)
    else this.#live.print(text)
  }

  #printLate(key: string, text: string): void {
    const print = (): void => {
      this.#silent.delete(key)
      this.#print(text)
    }
    this.#silent.set(key, setTimeout(print, PATIENCE).unref())
  }

  #heard(key: string): void {
    clearTimeout(this.#silent.get(key))
    this.#silent.delete(key)
  }

  #painted(event: CommandEvent, text: string): string {
    if (!this.#options.color) return text
    if (event.phase === "notice" && event.level === "warning") return `\u001b[33m${text}\u001b[0m`
    if (event.phase === "notice" && event.level === "debug") return `\u001b[2m${text}\u001b[0m`
    return text
  }
}

/** Whether a count is of what goes along with the download of the same resource, which is what one waits for. */
function goesAlong({ verb }: Count, { state, heardAt }: Work, now: number): boolean {
  const downloading = state.verb === "downloading" && state.value < (state.total ?? Infinity)
  return downloading && verb !== state.verb && now - heardAt < DOWNLOAD_SILENCE
}
