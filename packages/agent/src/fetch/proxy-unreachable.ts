/** The proxy of the environment could not be reached. Its message says which one and why, its cause has the network's code. */
export class ProxyUnreachable extends Error {}

/** The proxy of the environment answered that it does not pass a request on. Its message says which one, and how. */
export class ProxyRefused extends Error {
  readonly status: number
  readonly hint: string

  constructor(message: string, options: { status: number; hint: string; cause: unknown }) {
    super(message, { cause: options.cause })
    this.status = options.status
    this.hint = options.hint
  }
}
