/**
 * How a server may be asked for parts of its file. Its answers only ever take from it: at first several connections may bring a
 * part each; then only what an earlier connection left may be asked for, by one; then nothing but the whole file.
 */
export class PartRequests {
  #allowed: "several" | "one" | "none" = "several"
  #changed = false

  /** What an earlier connection left may be asked for. */
  get wanted(): boolean {
    return this.#allowed !== "none"
  }

  /** Also by several connections at once. */
  get several(): boolean {
    return this.#allowed === "several"
  }

  /** The server sends other parts than were asked for, or does not say of which file they are. */
  giveUp(): void {
    this.#allowed = "none"
  }

  /** It answers with the whole file, though it has taken such requests before. */
  refused(): void {
    if (this.#allowed === "several") this.#allowed = "one"
  }

  /** It had another file all of a sudden. The second time: servers that share one name may each have an ETag of their own for the same file. */
  changed(): void {
    if (this.#changed) this.refused()
    this.#changed = true
  }
}
