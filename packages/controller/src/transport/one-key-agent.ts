import ssh2, { type ParsedKey } from "ssh2"
import type { KeyCandidate } from "./key-candidate.ts"

/** Hands one candidate to ssh2, whose own agent support tries all keys of an agent and hides what came of each. */
export class OneKeyAgent extends ssh2.BaseAgent<ParsedKey> {
  readonly #candidate: KeyCandidate

  constructor(candidate: KeyCandidate) {
    super()
    this.#candidate = candidate
  }

  override getIdentities(callback: ssh2.IdentityCallback<ParsedKey>): void {
    callback(null, [this.#candidate.publicKey])
  }

  override sign(
    _key: ParsedKey,
    data: Buffer,
    options: ssh2.SigningRequestOptions | ssh2.SignCallback,
    callback?: ssh2.SignCallback,
  ): void {
    const done = typeof options === "function" ? options : callback
    const hash = typeof options === "function" ? undefined : options.hash
    const answer = async (): Promise<void> => {
      let signature: Buffer
      try {
        signature = await this.#candidate.sign(data, hash)
      } catch (error) {
        return done?.(error instanceof Error ? error : new Error(String(error)))
      }
      done?.(null, signature)
    }
    void answer()
  }
}
