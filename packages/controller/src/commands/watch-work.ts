import type { Reporter } from "../reporter/reporter.ts"

/** A reporter that knows, besides, whether a dataset was begun, which the same command would then continue. */
export interface WorkReporter extends Reporter {
  readonly begun: boolean
  /** What is told from now on is the work of another, which goes on. */
  watchOnly(): void
}

export function watchWork(reporter: Reporter): WorkReporter {
  let begun = false
  let own = true
  return {
    get begun() {
      return own && begun
    },
    watchOnly: () => {
      own = false
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
