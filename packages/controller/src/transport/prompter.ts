export interface Question {
  /** One line, without the trailing space: `Passphrase for "/home/u/.ssh/id":`. */
  text: string
  /** What is told before it: why it is asked again, a server's own words. It may have several lines. */
  preface?: string | undefined
  /** What is typed is not shown, and must appear in no log. */
  hidden: boolean
  /** Withdraws the question: nobody waits for its answer any more. */
  signal?: AbortSignal
}

/** Asks the person at the terminal; never on stdout, one question at a time. */
export interface Prompter {
  /** Whether there is a terminal to ask on. */
  readonly available: boolean
  /**
   * @returns what was typed, without the line end
   * @throws DatamaestroError INTERRUPTED when the person gave up (Ctrl-C, Ctrl-D), or it was withdrawn
   */
  ask(question: Question): Promise<string>
}
