import { formatBytes } from "@datamaestro/protocol"
import type { CommandEvent } from "./reporter.ts"
import { formatDuration } from "./format-duration.ts"
import { sanitizeLine } from "./sanitize.ts"

const HOW = {
  downloaded: "downloaded",
  copied: "copied",
  cached: "taken from the cache",
  present: "already there",
  adopted: "found on disk, taken over",
  made: "made",
  referenced: "referenced",
} as const

/** What is told once, as one line for people; nothing for counts, which a bar or `ProgressLines` shows. */
export function describeEvent(event: CommandEvent, debug: boolean): string | undefined {
  const text = describe(event, debug)
  return text === undefined ? undefined : sanitizeLine(text)
}

function describe(event: CommandEvent, debug: boolean): string | undefined {
  switch (event.phase) {
    case "connect":
      return event.milliseconds === undefined
        ? `connecting to ${event.address}`
        : debug
          ? `connected to ${event.address} in ${Math.round(event.milliseconds)} ms`
          : undefined
    case "dataset":
      return describeDataset(event)
    case "wait":
      return `${event.dataset}: waiting for ${event.holder}, which works on ${event.resource ?? "it"}${event.seconds < 1 ? "" : `, for ${formatDuration(event.seconds)}`}`
    case "retry":
      return `${event.dataset} ${event.resource}: ${event.reason}; attempt ${event.attempt + 1} ${event.delay < 0.5 ? "now" : `in ${formatDuration(event.delay)}`}`
    case "resource":
      return `${event.dataset} ${event.resource}: ${HOW[event.how]}${event.bytes === undefined ? "" : `, ${formatBytes(event.bytes)} on disk`}`
    case "notice":
      if (event.level === "debug") return debug ? `debug: ${event.message}` : undefined
      return event.level === "warning" ? `warning: ${event.message}` : event.message
    default:
      return undefined
  }
}

function describeDataset(event: CommandEvent & { phase: "dataset" }): string | undefined {
  switch (event.state) {
    case "started":
      return `${event.dataset}: preparing`
    case "present":
      return `${event.dataset}: already prepared`
    case "adopted":
      return `${event.dataset}: found on disk, taken over`
    case "done":
      return `${event.dataset}: done`
  }
}
