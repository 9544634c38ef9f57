import type { Reporter } from "../reporter/reporter.ts"

/** A reporter that knows, besides, whether a dataset was begun, which the same command would then continue. */
export interface WorkReporter extends Reporter {
  readonly begun: boolean
}

export function watchWork(reporter: Reporter): WorkReporter {
  let begun = false
  return {
    get begun() {
      return begun
    },
    event(event, host) {
      // What follows only on a dataset's start is looked at too: whoever attaches to a job may see no start.
      begun ||= event.phase === "dataset" ? event.state === "started" : "resource" in event
      reporter.event(event, host)
    },
    error: (error, host) => reporter.error(error, host),
    pause: () => reporter.pause(),
    resume: () => reporter.resume(),
    end: () => reporter.end(),
  }
}
