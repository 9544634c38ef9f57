import type { CommandEvent } from "./reporter.ts"

/** How far one piece of work is: what a bar shows. */
export interface Count {
  /** Which work it is, unique on one machine. */
  key: string
  /** The dataset the work belongs to, if to one. */
  dataset: string | undefined
  name: string
  verb: string
  value: number
  total: number | undefined
  /** Items, or a part of 1, need no figures beside the percentage. */
  unit: "bytes" | "items"
  /** Files so far, or what a step says. */
  note: string | undefined
}

const VERB = {
  download: "downloading",
  copy: "copying",
  verify: "verifying",
  extract: "extracting",
  transform: "unpacking",
} as const

/** The count that an event carries, if it is one that does. */
export function countOf(event: CommandEvent): Count | undefined {
  switch (event.phase) {
    case "upload":
      return {
        key: `upload\0${event.what}`,
        dataset: undefined,
        name: event.what,
        verb: "uploading",
        value: event.bytes,
        total: event.total,
        unit: "bytes",
        note: undefined,
      }
    case "download":
    case "copy":
    case "verify":
    case "extract":
    case "transform":
      return {
        key: `${event.dataset}\0${event.resource}`,
        dataset: event.dataset,
        name: event.resource,
        verb: VERB[event.phase],
        value: event.bytes,
        total: event.total,
        unit: "bytes",
        note:
          event.phase === "extract" && event.files !== undefined
            ? `${event.files} ${event.files === 1 ? "file" : "files"}`
            : undefined,
      }
    case "check":
      return {
        key: `check\0${event.repository}`,
        dataset: undefined,
        name: event.repository,
        verb: "checking",
        value: event.checked,
        total: event.total,
        unit: "items",
        note: `${event.checked} of ${event.total} ${event.total === 1 ? "source" : "sources"}`,
      }
    case "step":
      return {
        key: `${event.dataset}\0${event.resource}`,
        dataset: event.dataset,
        name: event.resource,
        verb: "making",
        value: event.fraction ?? 0,
        total: event.fraction === undefined ? undefined : 1,
        unit: "items",
        note: event.message,
      }
    default:
      return undefined
  }
}

/** The key of the work that an event ends. */
export function endedKey(event: CommandEvent): string | undefined {
  return event.phase === "resource" ? `${event.dataset}\0${event.resource}` : undefined
}
