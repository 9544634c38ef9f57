import { DatamaestroError } from "@datamaestro/protocol"
import type { AnyAuthMethod, KeyboardInteractiveCallback, ParsedKey, Prompt } from "ssh2"
import type { Notice } from "./host-key.ts"
import type { Prompter } from "./prompter.ts"
import type { AuthenticationMethod, SshSettings } from "./ssh-settings.ts"
import type { KeyCandidate, LazyKeyCandidate } from "./key-candidate.ts"
import { loadKeyCandidates } from "./load-key-candidates.ts"
import { OneKeyAgent } from "./one-key-agent.ts"
import { printableLines, serverQuestion } from "./server-question.ts"
import { rsaSize } from "./rsa-size.ts"
import { sshCommand } from "./ssh-command.ts"
import { acceptsKeyType } from "./ssh2-algorithms.ts"

interface AuthenticationContext {
  settings: SshSettings
  prompter: Prompter
  onNotice: Notice
  /** Resolves when the server has said how it takes signatures: RSA keys must wait for it. */
  algorithmsKnown: Promise<void>
  /** Brackets questions, so that no deadline runs while a person types. */
  whileAsking: <T>(question: () => Promise<T>) => Promise<T>
}

const TRY_AGAIN = "Permission denied, please try again."

/** One log-in: what is tried, in which order, and what came of it. */
export class SshAuthentication {
  readonly #context: AuthenticationContext
  readonly #attempts: AsyncGenerator<AnyAuthMethod, void>
  readonly #tried: string[] = []
  readonly #problems: string[] = []
  readonly #withheld = new Set<AuthenticationMethod>()
  readonly #mayAsk: boolean
  #offered: readonly string[] | undefined
  #partial = false
  #current: KeyCandidate | undefined
  #error: unknown

  constructor(context: AuthenticationContext) {
    this.#context = context
    this.#mayAsk = context.prompter.available && !context.settings.batchMode
    this.#attempts = this.#run()
  }

  /** What the person or a program on the way refused: to be thrown instead of a failed log-in. */
  get error(): unknown {
    return this.#error
  }

  /** The key whose private half is at hand, to sign with unasked. */
  get openKey(): ParsedKey | undefined {
    return this.#current?.privateKey
  }

  /** By what the log-in succeeded, once it has. */
  get succeeded(): string {
    return this.#tried.at(-1) ?? "nothing: the server asked for none"
  }

  /** What the server answered to the last attempt. */
  failed(offered: readonly string[], partialSuccess: boolean): void {
    this.#offered = offered
    this.#partial = partialSuccess
  }

  /** The next attempt; false when there is none. */
  async next(): Promise<AnyAuthMethod | false> {
    try {
      const attempt = await this.#attempts.next()
      return attempt.done === true ? false : attempt.value
    } catch (error) {
      this.#error ??= error
      return false
    }
  }

  /** What to throw when all was in vain. */
  failure(cause?: unknown): DatamaestroError {
    const { label, user, hostName, port } = this.#context.settings
    const tried = this.#tried.length === 0 ? "nothing could be tried" : `tried ${this.#tried.join(", ")}`
    const offered = this.#offered === undefined ? "" : `; the server accepts ${this.#offered.join(", ") || "nothing"}`
    const problems = this.#problems.length === 0 ? "" : `; ${this.#problems.join("; ")}`
    return new DatamaestroError(
      "AUTHENTICATION_FAILED",
      `Cannot log in to "${label}" as "${user}" (${hostName}, port ${port}): ${tried}${offered}${problems}`,
      {
        hint: this.#hint(cause),
        details: { host: label, user, tried: this.#tried, offered: this.#offered ?? [] },
        cause,
      },
    )
  }

  #hint(cause: unknown): string {
    const asked = this.#tried.some((method) => method === "password" || method === "keyboard-interactive")
    if (!asked && cause instanceof Error && /too many authentication failures/i.test(cause.message)) {
      return "the server hung up before the right key had its turn: name it with -i and add -o IdentitiesOnly=yes"
    }
    const { label, user } = this.#context.settings
    const parts = [`check that "${sshCommand(label)}" works and that "${user}" is the right account`]
    parts.push("name another key with -i or load it with ssh-add")
    if (this.#withheld.size > 0) {
      parts.push(`run it on a terminal to be asked (${[...this.#withheld].join(", ")}): nothing could be asked here`)
    }
    return parts.join("; ")
  }

  async *#run(): AsyncGenerator<AnyAuthMethod, void> {
    const { settings } = this.#context
    const wantsKeys = settings.authenticationMethods.includes("publickey")
    const { candidates, problems } = wantsKeys
      ? await loadKeyCandidates(settings, {
          ...this.#context,
          mayAsk: this.#mayAsk,
          prompter: this.#prompter(),
        })
      : { candidates: [], problems: [] }
    this.#problems.push(...problems)
    // Only a server that has refused something says what it would take.
    if (candidates.length === 0) yield { type: "none", username: settings.user }

    const used = new Set<LazyKeyCandidate>()
    do {
      this.#partial = false
      for (const method of settings.authenticationMethods) {
        if (!this.#isOffered(method)) continue
        if (method === "publickey") yield* this.#keys(candidates, used)
        else if (!this.#mayAsk) this.#withheld.add(method)
        else if (method === "password") yield* this.#passwords()
        else yield* this.#interactive()
        // One of several methods was right: the server now wants another, perhaps one that comes earlier here.
        if (this.#partial) break
      }
    } while (this.#partial)
  }

  #isOffered(method: AuthenticationMethod): boolean {
    return this.#offered === undefined || this.#offered.includes(method)
  }

  async *#keys(candidates: readonly LazyKeyCandidate[], used: Set<LazyKeyCandidate>): AsyncGenerator<AnyAuthMethod> {
    const username = this.#context.settings.user
    for (const load of candidates) {
      if (used.has(load)) continue
      const candidate = await this.#load(load)
      if (candidate === undefined || this.#isBarred(candidate)) continue
      if (candidate.publicKey.type === "ssh-rsa") await this.#context.algorithmsKnown
      this.#tried.push(candidate.label)
      this.#current = candidate
      if (candidate.privateKey !== undefined) yield { type: "publickey", username, key: candidate.privateKey }
      else yield { type: "agent", username, agent: new OneKeyAgent(candidate) }
      this.#current = undefined
      if (this.#partial) used.add(load)
      if (this.#partial || !this.#isOffered("publickey")) return
    }
  }

  /** Whether the configuration wants no such key. */
  #isBarred({ label, publicKey }: KeyCandidate): boolean {
    const { algorithms, requiredRsaSize } = this.#context.settings
    const size = rsaSize(publicKey.getPublicSSH())
    const short = size !== undefined && size < requiredRsaSize
    if (short) this.#problems.push(`${label} has ${size} bits, fewer than RequiredRSASize ${requiredRsaSize}`)
    if (short) return true
    if (acceptsKeyType(algorithms.publicKey, publicKey.type)) return false
    this.#problems.push(`${label} is of a type that PubkeyAcceptedAlgorithms leaves out (${publicKey.type})`)
    return true
  }

  async #load(load: LazyKeyCandidate): Promise<KeyCandidate | undefined> {
    try {
      return await load()
    } catch (error) {
      this.signingFailed(error)
      if (this.#error !== undefined) throw this.#error
      return undefined
    }
  }

  /** A key could not sign: its passphrase was not given, or the agent refused. The next one is tried. */
  signingFailed(error: unknown): void {
    if (error instanceof DatamaestroError && error.code === "INTERRUPTED") this.#error ??= error
    this.#problems.push(error instanceof Error ? error.message : String(error))
  }

  async *#passwords(): AsyncGenerator<AnyAuthMethod> {
    const { user, hostName, passwordPrompts } = this.#context.settings
    this.#tried.push("password")
    for (let attempt = 0; attempt < passwordPrompts && this.#isOffered("password"); attempt++) {
      const preface = attempt === 0 ? undefined : TRY_AGAIN
      const text = `Password of ${user}@${hostName}:`
      yield { type: "password", username: user, password: await this.#prompter().ask({ text, preface, hidden: true }) }
      if (this.#partial) return
    }
  }

  async *#interactive(): AsyncGenerator<AnyAuthMethod> {
    const { user, passwordPrompts } = this.#context.settings
    this.#tried.push("keyboard-interactive")
    let told: string[] = []
    const prompt = (
      name: string,
      instructions: string,
      _language: string,
      prompts: Prompt[],
      finish: KeyboardInteractiveCallback,
    ): void => {
      told.push(...printableLines(`${name}\n${instructions}`))
      const preface = told
      told = []
      this.#answer(prompts, preface).then(finish, (error: unknown) => {
        this.#error ??= error
        finish([])
      })
    }
    for (let attempt = 0; attempt < passwordPrompts && this.#isOffered("keyboard-interactive"); attempt++) {
      if (attempt > 0) told = [TRY_AGAIN]
      yield { type: "keyboard-interactive", username: user, prompt }
      if (this.#error !== undefined) throw this.#error
      if (this.#partial) return
    }
  }

  /** @param told before the first question; where there is none it stands for itself */
  async #answer(prompts: readonly Prompt[], told: readonly string[]): Promise<string[]> {
    const { user, hostName } = this.#context.settings
    if (prompts.length === 0) for (const line of told) this.#context.onNotice("info", line)
    const answers: string[] = []
    for (const { prompt, echo } of prompts) {
      const { text, preface } = serverQuestion([...(answers.length === 0 ? told : []), prompt].join("\n"))
      answers.push(
        await this.#prompter().ask({ text: `(${user}@${hostName}) ${text}`, preface, hidden: echo !== true }),
      )
    }
    return answers
  }

  #prompter(): Prompter {
    const { prompter, whileAsking } = this.#context
    return { available: prompter.available, ask: (question) => whileAsking(() => prompter.ask(question)) }
  }
}
