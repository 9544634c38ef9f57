import type { Prompter } from "../transport/prompter.ts"

export interface RememberingPrompter extends Prompter {
  /** Somebody is being asked right now. */
  readonly asking: boolean
  /** Another attempt begins: what was answered may serve once more. */
  again(): void
  /** The attempt is over: nobody waits for answers to its questions any more. */
  withdraw(): void
}

/**
 * Answers again what a person has typed before, so that a connection that is made anew doesn't ask for the same
 * password: once an attempt, since an answer that is asked for twice was wrong. One-time codes are never kept.
 */
export function rememberingPrompter(prompter: Prompter): RememberingPrompter {
  const answers = new Map<string, string>()
  const served = new Set<string>()
  let asking = 0
  let attempt = new AbortController()
  return {
    available: prompter.available,
    get asking() {
      return asking > 0
    },
    async ask(question) {
      const key = question.text
      const known = answers.get(key)
      if (known !== undefined && !served.has(key)) {
        served.add(key)
        return known
      }
      const signals = [attempt.signal, ...(question.signal === undefined ? [] : [question.signal])]
      asking++
      try {
        const answer = await prompter.ask({ ...question, signal: AbortSignal.any(signals) })
        if (question.hidden && /pass(word|phrase)/i.test(question.text)) {
          answers.set(key, answer)
          served.add(key)
        }
        return answer
      } finally {
        asking--
      }
    },
    again: () => served.clear(),
    withdraw: () => {
      attempt.abort()
      attempt = new AbortController()
    },
  }
}
