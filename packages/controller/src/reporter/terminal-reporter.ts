import type { MultiBar, SingleBar } from "cli-progress"
import { formatBar, type BarState } from "./bar-format.ts"
import { countOf, endedKey, type Count } from "./count-of.ts"
import { Crowd } from "./crowd.ts"
import { describeEvent } from "./describe-event.ts"
import { formatError } from "./format-error.ts"
import { multiBar, widthOf } from "./multi-bar.ts"
import type { CommandEvent, Reporter, ReporterOptions } from "./reporter.ts"
import { sanitizeLine } from "./sanitize.ts"

interface Work {
  state: BarState
  bar: SingleBar | undefined
  measuredAt: number
  measuredValue: number
}

const CLEAR_TO_END = "\u001b[K"
const RATE_INTERVAL = 500
/** Least time between two displays of bars, in milliseconds. */
const BUILD_INTERVAL = 200
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
  readonly #crowd = new Crowd(Date.now)
  #bars: MultiBar | undefined
  /** Bars of what has ended, until they are built anew. */
  #gone = 0
  #builtAt = -Infinity
  #building: NodeJS.Timeout | undefined
  #pauses = 0
  #kept: string[] = []

  constructor(options: ReporterOptions & { color: boolean }) {
    this.#options = options
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
    const instead = this.#options.debug || this.#crowd.take(event, host)
    const text = instead === true ? describeEvent(event, this.#options.debug) : instead
    if (typeof text !== "string") return
    const line = `${host === undefined ? "" : `${sanitizeLine(host)}: `}${this.#painted(event, text)}`
    // Bars tell that it has begun; where a server is silent there is none.
    if (event.phase === "dataset" && event.state === "started") this.#printLate(`${host ?? ""}\0${event.dataset}`, line)
    else this.#print(line)
  }

  error(error: Parameters<Reporter["error"]>[0], host?: string): void {
    const hasFailed = (key: string): boolean => {
      const [on, dataset] = key.split("\0")
      // With a single host events don't name it.
      return dataset === error.details["dataset"] && (on === "" || on === host)
    }
    for (const key of this.#work.keys()) if (hasFailed(key)) this.#finish(key)
    for (const key of this.#silent.keys()) if (hasFailed(key)) this.#heard(key)
    this.#print(formatError(error, { ...this.#options, host }))
  }

  pause(): void {
    this.#pauses++
    if (this.#pauses === 1) this.#hideBars()
  }

  resume(): void {
    this.#pauses--
    if (this.#pauses > 0) return
    const kept = this.#kept
    this.#kept = []
    for (const text of kept) this.#print(text)
    for (const work of this.#work.values()) this.#show(work)
  }

  end(): void {
    for (const key of this.#silent.keys()) this.#heard(key)
    this.#hideBars()
    this.#work.clear()
    for (const text of this.#kept) this.#options.stream.write(`${text}\n`)
    this.#kept = []
  }

  #count(key: string, count: Count, host: string | undefined): void {
    const now = Date.now()
    const known = this.#work.get(key)
    if (known !== undefined && goesAlong(count, known, now)) return
    if (known === undefined || known.state.verb !== count.verb || known.state.resumesAt !== undefined) {
      const state = { ...count, rate: 0, host, heardAt: now, showDataset: false }
      const measured = { state, measuredAt: now, measuredValue: count.value }
      const work = Object.assign(known ?? { bar: undefined }, measured)
      this.#work.set(key, work)
      this.#show(work)
    } else {
      const elapsed = now - known.measuredAt
      if (elapsed >= RATE_INTERVAL) {
        const rate = (1000 * Math.max(0, count.value - known.measuredValue)) / elapsed
        known.state.rate = known.state.rate === 0 ? rate : 0.7 * known.state.rate + 0.3 * rate
        known.measuredAt = now
        known.measuredValue = count.value
      }
      Object.assign(known.state, count, { heardAt: now })
      this.#show(known)
    }
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
      state: { ...none, rate: 0, host, heardAt: now, showDataset: false },
      bar: undefined,
      measuredAt: now,
      measuredValue: 0,
    }
    known.state.resumesAt = now + 1000 * event.delay
    this.#work.set(key, known)
    this.#show(known)
  }

  /** Gives the work a bar if the terminal has room for one more. The bar draws what the work is by then. */
  #show(work: Work): void {
    work.state.showDataset = this.#datasets.size > 1
    if (this.#pauses > 0 || work.bar !== undefined) return
    const { stream } = this.#options
    const shown = [...this.#work.values()].filter((each) => each.bar !== undefined).length
    if (shown + this.#gone >= Math.max(1, (stream.rows ?? 24) - 2)) return
    this.#bars ??= multiBar<Work>(stream, ({ state }) => formatBar(state, widthOf(stream)))
    work.bar = this.#bars.create(1, 0, work)
  }

  #finish(key: string): void {
    const work = this.#work.get(key)
    if (work === undefined) return
    this.#work.delete(key)
    if (work.bar === undefined) return
    this.#gone++
    const wait = this.#builtAt + BUILD_INTERVAL - Date.now()
    if (wait <= 0) return this.#build()
    this.#building ??= setTimeout(() => this.#build(), wait).unref()
  }

  /** The display of bars is cheap to build anew and leaves nothing of a removed one behind; of thousands, that is done a few times a second. */
  #build(): void {
    this.#builtAt = Date.now()
    this.#hideBars()
    for (const work of this.#work.values()) this.#show(work)
  }

  #hideBars(): void {
    clearTimeout(this.#building)
    this.#building = undefined
    this.#gone = 0
    if (this.#bars === undefined) return
    this.#bars.stop()
    this.#bars = undefined
    for (const work of this.#work.values()) work.bar = undefined
  }

  #print(text: string): void {
    if (this.#pauses > 0) {
      this.#kept.push(text)
      return
    }
    if (this.#bars === undefined) this.#options.stream.write(`${text}\n`)
    else {
      this.#bars.log(`${text.replaceAll("\n", `${CLEAR_TO_END}\n`)}${CLEAR_TO_END}\n`)
      this.#bars.update()
    }
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
function goesAlong({ verb }: Count, { state }: Work, now: number): boolean {
  const downloading = state.verb === "downloading" && state.value < (state.total ?? Infinity)
  return downloading && verb !== state.verb && now - state.heardAt < DOWNLOAD_SILENCE
}
