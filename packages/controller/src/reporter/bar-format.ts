import { formatBytes } from "@datamaestro/protocol"
import stringWidth from "string-width"
import type { Count } from "./count-of.ts"
import { firstColumns, fitColumns, padColumns } from "./fit-columns.ts"
import { formatDuration } from "./format-duration.ts"
import { sanitizeLine } from "./sanitize.ts"

/** One moment of a bar. */
export interface BarState extends Count {
  /** Bytes a second, smoothed; 0 while unknown. */
  rate: number
  host: string | undefined
  /** When it was told of last, in milliseconds as `Date.now()` counts them. */
  heardAt: number
  /** It failed, and is tried again at that time, in milliseconds as `Date.now()` counts them. */
  resumesAt?: number | undefined
  /** Whether datasets have to be told apart. */
  showDataset: boolean
}

/** After so long without news its pace and what is left of it are guesses, in milliseconds: a server or a link may be silent. */
const NEWS = 5000
const BAR_WIDTH = 24
const NARROW_BAR_WIDTH = 10
/** What is left of a label at least, for which figures are left out. */
const LEAST_LABEL = 12
/** What is shown of a note at least. */
const LEAST_NOTE = 12
/** Of figures as they mostly are: ` 42 %  10.2 MB/20.0 MB  1.5 MB/s  ETA 10 s`, and a space before them. */
const FIGURES_WIDTH = 44
/** A narrower terminal has no room for a bar beside a label and figures. */
const LEAST_WITH_BAR = LEAST_LABEL + NARROW_BAR_WIDTH + 3 + FIGURES_WIDTH

/** A bar's line, at most `columns - 3` wide, so that no terminal wraps it, nor the `^C` that it echoes behind it. */
export function formatBar(state: BarState, columns: number): string {
  const width = Math.max(1, columns - 3)
  const barWidth = width >= 90 ? BAR_WIDTH : width >= LEAST_WITH_BAR ? NARROW_BAR_WIDTH : 0
  const bar = barWidth > 0 && state.total !== undefined ? `${drawBar(fractionOf(state), barWidth)} ` : ""
  const figures = fittingFigures(state, width - LEAST_LABEL - 1 - bar.length)
  const room = width - bar.length - stringWidth(figures) - 1
  // Bars stand below each other, and still, however many digits there are.
  const column = bar === "" ? 24 : Math.min(48, width - bar.length - FIGURES_WIDTH)
  const labelWidth = Math.min(room, bar === "" ? 48 : column)
  const whole = labelOf(state)
  // What is left out first is what the figures tell anyway.
  const label = stringWidth(whole) <= labelWidth ? whole : labelOf({ ...state, verb: "" }).trimEnd()
  if (room < 8) return firstColumns(`${fitColumns(label, Math.max(1, room + bar.length))} ${figures}`, width)
  return firstColumns(`${padColumns(fitColumns(label, labelWidth), Math.min(room, column))} ${bar}${figures}`, width)
}

function labelOf(state: BarState): string {
  const host = state.host === undefined ? "" : `${state.host}: `
  const dataset = state.showDataset && state.dataset !== undefined ? `${state.dataset} ` : ""
  const verb = state.resumesAt === undefined || state.verb === "" ? state.verb : "waiting"
  return sanitizeLine(`${host}${dataset}${state.name} ${verb}`)
}

/** The first figures, which tell most, as far as there is room; a note that is too long is shortened. */
function fittingFigures(state: BarState, room: number): string {
  const parts = figuresOf(state)
  const count = parts.findLastIndex((_, index) => stringWidth(parts.slice(0, index + 1).join("  ")) <= room) + 1
  const figures = parts.slice(0, Math.max(1, count)).join("  ")
  const left = room - stringWidth(figures) - 2
  const note = state.note !== undefined && count > 0 && count === parts.length - 1 ? parts[count] : undefined
  return note === undefined || left < LEAST_NOTE ? figures : `${figures}  ${fitColumns(note, left)}`
}

function figuresOf(state: BarState): string[] {
  const parts: string[] = []
  const fraction = fractionOf(state)
  const waits = state.resumesAt !== undefined
  if (state.total !== undefined) parts.push(`${String(Math.floor(100 * fraction)).padStart(3)} %`)
  if (state.unit === "bytes" && !(waits && state.value === 0)) {
    parts.push(
      state.total === undefined ? formatBytes(state.value) : `${formatBytes(state.value)}/${formatBytes(state.total)}`,
    )
    if (!waits) parts.push(...paceOf(state))
  }
  if (state.resumesAt !== undefined) parts.push(againIn((state.resumesAt - Date.now()) / 1000))
  if (state.note !== undefined) parts.push(sanitizeLine(state.note))
  return parts
}

function paceOf({ rate, total, value, heardAt }: BarState): string[] {
  const silence = Date.now() - heardAt
  if (silence >= NEWS && value < (total ?? Infinity)) return [`silent for ${formatDuration(silence / 1000)}`]
  if (rate <= 0) return []
  const pace = `${formatBytes(rate)}/s`
  return total !== undefined && total > value ? [pace, `ETA ${formatDuration((total - value) / rate)}`] : [pace]
}

function againIn(seconds: number): string {
  return seconds < 0.5 ? "trying again" : `again in ${formatDuration(seconds)}`
}

function fractionOf(state: BarState): number {
  if (state.total === undefined || state.total <= 0) return 0
  return Math.min(1, state.value / state.total)
}

function drawBar(fraction: number, width: number): string {
  const filled = Math.round(fraction * width)
  return `[${"#".repeat(filled)}${"-".repeat(width - filled)}]`
}
