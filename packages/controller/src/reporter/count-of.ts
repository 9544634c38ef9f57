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
    case "upload": {
      const { what, bytes: value, total } = event
      return { ...ofMachine("upload", what), verb: "uploading", value, total, unit: "bytes", note: undefined }
    }
    case "download":
    case "copy":
    case "verify":
    case "extract":
    case "transform": {
      const { bytes: value, total } = event
      const files = event.phase === "extract" ? event.files : undefined
      const note = files === undefined ? undefined : `${files} ${files === 1 ? "file" : "files"}`
      return { ...ofResource(event), verb: VERB[event.phase], value, total, unit: "bytes", note }
    }
    case "check": {
      const { repository, checked: value, total } = event
      const note = `${value} of ${total} ${total === 1 ? "source" : "sources"}`
      return { ...ofMachine("check", repository), verb: "checking", value, total, unit: "items", note }
    }
    case "step": {
      const { fraction, message: note } = event
      const total = fraction === undefined ? undefined : 1
      return { ...ofResource(event), verb: "making", value: fraction ?? 0, total, unit: "items", note }
    }
    default:
      return undefined
  }
}

type Whose = Pick<Count, "key" | "dataset" | "name">

function ofMachine(work: string, name: string): Whose {
  return { key: `${work}\0${name}`, dataset: undefined, name }
}

function ofResource({ dataset, resource }: { dataset: string; resource: string }): Whose {
  return { key: `${dataset}\0${resource}`, dataset, name: resource }
}

/** The key of the work that an event ends. */
export function endedKey(event: CommandEvent): string | undefined {
  return event.phase === "resource" ? ofResource(event).key : undefined
}
