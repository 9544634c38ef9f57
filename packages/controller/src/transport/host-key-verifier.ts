import type { HostKeyCheck, Notice } from "./host-key.ts"
import type { Prompter } from "./prompter.ts"

export interface HostKeyVerifierOptions {
  check: HostKeyCheck
  asker: Prompter
  onNotice: Notice
  onAccepted(fingerprint: string): void
}

/** Tells the client whether a connection's host key is the right one. */
export class HostKeyVerifier {
  readonly #options: HostKeyVerifierOptions
  #accepted: Buffer | undefined
  /** Why it is not. */
  error: unknown

  constructor(options: HostKeyVerifierOptions) {
    this.#options = options
  }

  verify(blob: Buffer, decide: (accepted: boolean) => void): void {
    // Keys are exchanged again during long transfers: it must stay the same server, and nobody is asked twice.
    if (this.#accepted !== undefined) return decide(this.#accepted.equals(blob))
    const { check, asker, onNotice, onAccepted } = this.#options
    const key = check.read(blob)
    check.verify(key, asker, onNotice).then(
      () => {
        this.#accepted = blob
        onAccepted(key.fingerprint)
        decide(true)
      },
      (error: unknown) => {
        this.error = error
        decide(false)
      },
    )
  }
}
