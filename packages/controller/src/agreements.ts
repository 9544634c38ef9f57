import { DatamaestroError, type AcceptedAgreement } from "@datamaestro/protocol"
import * as v from "valibot"
import { sanitizeText } from "./reporter/sanitize.ts"
import type { Prompter } from "./transport/prompter.ts"

const Agreement = v.object({ id: v.string(), url: v.optional(v.string()), text: v.optional(v.string()) })
type Agreement = v.InferOutput<typeof Agreement>

export interface AgreementsOptions {
  /** What holds without asking. */
  accepted: readonly AcceptedAgreement[]
  prompter: Prompter
  /** Called once for each that the person accepts now. */
  remember: (agreement: { id: string; text?: string | undefined }) => Promise<void>
  /** Told of an answer that holds for this call only, as it can't be remembered. */
  onWarning?: ((message: string) => void) | undefined
}

/** The agreements that hold in this call. What several datasets or hosts need is asked for once. */
export class Agreements {
  readonly #options: AgreementsOptions
  readonly #acceptedNow = new Set<string>()
  readonly #asked = new Map<string, Promise<boolean>>()

  constructor(options: AgreementsOptions) {
    this.#options = options
  }

  get accepted(): AcceptedAgreement[] {
    return [...this.#options.accepted, ...this.#acceptedNow]
  }

  /** Runs what may need an agreement; asks for the one that lacks and runs it again. */
  async during<R>(run: (accepted: AcceptedAgreement[]) => Promise<R>): Promise<R> {
    for (;;) {
      try {
        return await run(this.accepted)
      } catch (error) {
        const agreement = requiredAgreement(error)
        if (agreement === undefined || this.#acceptedNow.has(agreement.id)) throw error
        if (!this.#options.prompter.available || !(await this.#ask(agreement, datasetOf(error))))
          throw withHint(error, agreement)
      }
    }
  }

  #ask(agreement: Agreement, dataset: string | undefined): Promise<boolean> {
    const asked = this.#asked.get(agreement.id) ?? this.#askNow(agreement, dataset)
    this.#asked.set(agreement.id, asked)
    return asked
  }

  async #askNow(agreement: Agreement, dataset: string | undefined): Promise<boolean> {
    const parts = [agreement.text, agreement.url === undefined ? undefined : `See ${agreement.url}`]
    const shown = parts.filter((part) => part !== undefined).map((part) => `${sanitizeText(part)}\n`)
    const whose = dataset === undefined ? "" : ` of the dataset "${sanitizeText(dataset)}"`
    const text = `${shown.join("")}Do you accept the agreement "${agreement.id}"${whose}? [y/N]`
    const answer = await this.#options.prompter.ask({ text, hidden: false })
    if (!/^y(es)?$/i.test(answer.trim())) return false
    await this.#options.remember(agreement).catch((error: unknown) => {
      if (!(error instanceof DatamaestroError)) throw error
      const { message, hint } = error
      const once = `${message}: the agreement "${agreement.id}" is accepted for this call only`
      this.#options.onWarning?.(hint === undefined ? once : `${once}; ${hint}`)
    })
    this.#acceptedNow.add(agreement.id)
    return true
  }
}

function requiredAgreement(error: unknown): Agreement | undefined {
  if (!(error instanceof DatamaestroError) || error.code !== "AGREEMENT_REQUIRED") return undefined
  // Either the agreement is the details, or it stands in them under its name.
  const parsed = v.safeParse(Agreement, error.details["agreement"] ?? error.details)
  return parsed.success ? parsed.output : undefined
}

function datasetOf(error: unknown): string | undefined {
  const dataset = error instanceof DatamaestroError ? error.details["dataset"] : undefined
  return typeof dataset === "string" ? dataset : undefined
}

function withHint(error: unknown, agreement: Agreement): unknown {
  if (!(error instanceof DatamaestroError)) return error
  const read = agreement.url === undefined ? "read it" : `read ${agreement.url}`
  return new DatamaestroError(error.code, error.message, {
    hint: `${read}, then accept it on a terminal or with --accept-agreement ${agreement.id}`,
    details: error.details,
    cause: error.cause,
  })
}
