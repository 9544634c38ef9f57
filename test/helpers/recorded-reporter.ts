import type { DatamaestroError } from "@datamaestro/protocol"
import type { CommandEvent, Reporter } from "../../packages/controller/src/reporter/reporter.ts"

export interface RecordedReporter extends Reporter {
  readonly events: { event: CommandEvent; host: string | undefined }[]
  readonly errors: { error: DatamaestroError; host: string | undefined }[]
  readonly calls: string[]
}

/** A reporter that shows nothing and remembers all. */
export function recordedReporter(): RecordedReporter {
  const events: RecordedReporter["events"] = []
  const errors: RecordedReporter["errors"] = []
  const calls: string[] = []
  return {
    events,
    errors,
    calls,
    event: (event, host) => void events.push({ event, host }),
    error: (error, host) => void errors.push({ error, host }),
    pause: () => void calls.push("pause"),
    resume: () => void calls.push("resume"),
    end: () => void calls.push("end"),
  }
}
