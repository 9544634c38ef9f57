import type { Prompter } from "../transport/prompter.ts"

export interface RememberingPrompter extends Prompter {
  /** Somebody is being asked right now. */
  readonly asking: boolean
  /** Another attempt begins: what was answered may serve once more. */
  again(): void
}

/**
 * Answers again what a person has typed before, so that a connection that is made anew doesn't ask for the same
 * password: once an attempt, since an answer that is asked for twice was wrong. One-time codes are never kept.
 */
export function rememberingPrompter(prompter: Prompter): RememberingPrompter {
  const answers = new Map<string, string>()
  const served = new Set<string>()
  let asking = 0
  return {
    available: prompter.available,
    get asking() {
      return asking > 0
    },
    async ask(question) {
      const known = answers.get(question.text)
      if (known !== undefined && !served.has(question.text)) {
        served.add(question.text)
        return known
      }
      asking++
      try {
        const answer = await prompter.ask(question)
        if (question.hidden && /pass(word|phrase)/i.test(question.text)) {
          answers.set(question.text, answer)
          served.add(question.text)
        }
        return answer
      } finally {
        asking--
      }
    },
    again: () => served.clear(),
  }
}
