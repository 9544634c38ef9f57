import { LoginDeadline } from "./login-deadline.ts"
import type { Prompter } from "./prompter.ts"

export interface OpensshLoginWatch {
  /** Aborted when the log-in has said nothing for too long. */
  readonly signal: AbortSignal
  /** Asks the person, who takes as long as it takes. */
  readonly prompter: Prompter
  /** `ssh` has said something. */
  heard(): void
  stop(): void
}

export interface OpensshLoginLimits {
  /** In milliseconds. */
  tellAfter?: number
  /** In milliseconds; by default what sshd allows for all of it. */
  giveUpAfter?: number
}

/**
 * Watches a log-in of `ssh`, which waits for ever where an SSH agent lists its keys and never signs, and can't tell
 * that from somebody who is to confirm the use of a key, or to touch it.
 *
 * @param onSlow told once, when nothing has been heard for a while
 */
export function watchOpensshLogin(
  prompter: Prompter,
  onSlow: () => void,
  { tellAfter = 10_000, giveUpAfter = 120_000 }: OpensshLoginLimits = {},
): OpensshLoginWatch {
  const late = new AbortController()
  const end = new LoginDeadline(
    () => giveUpAfter,
    () => late.abort(),
  )
  const slow = new LoginDeadline(
    () => tellAfter,
    () => {
      slow.stop()
      onSlow()
    },
  )
  const watches = [end, slow]
  const heard = (): void => watches.forEach((watch) => watch.restart())
  heard()
  return {
    signal: late.signal,
    prompter: {
      get available() {
        return prompter.available
      },
      ask: (question) => end.whileAsking(() => slow.whileAsking(() => prompter.ask(question))),
    },
    heard,
    stop: () => watches.forEach((watch) => watch.stop()),
  }
}
