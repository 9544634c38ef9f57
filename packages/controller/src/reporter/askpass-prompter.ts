import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import { childProcess, unstarted } from "../child-process.ts"
import { limitHintHere } from "../limit-hint.ts"
import type { Prompter, Question } from "../transport/prompter.ts"
import { systemReason } from "../system-reason.ts"
import { sanitizeText } from "./sanitize.ts"

/**
 * Who asks for passwords and the like: the program that `SSH_ASKPASS` names where OpenSSH would ask through it (where there is no terminal
 * but a display, or as `SSH_ASKPASS_REQUIRE` says), else the terminal. See ssh(1), ENVIRONMENT.
 *
 * @param terminal asks on the terminal, where there is one
 * @param signal an open question is given up when it aborts
 */
export function askpassOr(terminal: Prompter, signal: AbortSignal, environment = process.env): Prompter {
  const program = environment["SSH_ASKPASS"] ?? ""
  const required = environment["SSH_ASKPASS_REQUIRE"]
  if (program === "" || required === "never") return terminal
  const asker = new AskpassPrompter(program, signal)
  if (required === "force") return asker
  const hasDisplay = [environment["DISPLAY"], environment["WAYLAND_DISPLAY"]].some((name = "") => name !== "")
  if (!hasDisplay) return terminal
  return required === "prefer" || !terminal.available ? asker : terminal
}

/** Asks through a program that is given the question as its argument, and prints the answer; one question at a time. */
class AskpassPrompter implements Prompter {
  readonly available = true
  readonly #program: string
  readonly #signal: AbortSignal
  #last: Promise<unknown> = Promise.resolve()

  constructor(program: string, signal: AbortSignal) {
    this.#program = program
    this.#signal = signal
  }

  /** @throws DatamaestroError AUTHENTICATION_FAILED where the program can't be started, or its window was closed */
  ask(question: Question): Promise<string> {
    const answer = this.#last.then(() => this.#askNow(question))
    this.#last = answer.catch(() => {})
    return answer
  }

  async #askNow({ text, preface, signal }: Question): Promise<string> {
    const over = AbortSignal.any([this.#signal, ...(signal === undefined ? [] : [signal])])
    if (over.aborted) throw interrupted()
    const words = sanitizeText(preface === undefined ? text : `${preface}\n${text}`)
    const child = childProcess().spawn(this.#program, [`${words} `], {
      stdio: ["ignore", "pipe", "inherit"],
      signal: over,
    })
    const failed = unstarted(child)
    if (failed !== undefined) throw this.#notStarted(text, await failed)
    let printed = ""
    child.stdout.setEncoding("utf8").on("data", (piece: string) => (printed += piece))
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject).once("close", resolve)
    }).catch((error: unknown) => {
      throw over.aborted ? interrupted() : this.#notStarted(text, error)
    })
    if (status !== 0) throw this.#unanswered(text, status === null ? "it was killed" : `it ended with ${status}`)
    return /^[^\r\n]*/.exec(printed)?.[0] ?? ""
  }

  #notStarted(text: string, error: unknown): DatamaestroError {
    return this.#unanswered(text, systemReason(error).reason, error)
  }

  #unanswered(text: string, reason: string, cause?: unknown): DatamaestroError {
    return new DatamaestroError(
      "AUTHENTICATION_FAILED",
      `"${this.#program}" answered nothing to "${text}": ${reason}`,
      {
        hint: limitHintHere(cause) ?? "answer its question; or unset SSH_ASKPASS, and answer on a terminal",
        cause,
      },
    )
  }
}
