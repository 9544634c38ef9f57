import { readLoginEnvironment, type LoginEnvironment } from "./login-environment.ts"
import { loginStartUpFiles } from "./login-start-up-files.ts"

/** An answer that is older is not used, in milliseconds: start-up files may read others, which nobody watches. */
const OLDEST = 10 * 60_000

/** The login shell's environment, asked for once and put into the process's own. */
export class AskedLogin {
  readonly #asked = performance.now()
  // Before the shell reads them: what changes after this is seen.
  readonly #files = loginStartUpFiles()
  readonly #environment: Promise<LoginEnvironment>
  readonly #replaced = new Map<string, string | undefined>()

  constructor() {
    this.#environment = readLoginEnvironment().then((login) => {
      for (const [name, value] of Object.entries(login.variables ?? {})) {
        this.#replaced.set(name, process.env[name])
        process.env[name] = value
      }
      return login
    })
  }

  get environment(): Promise<LoginEnvironment> {
    return this.#environment
  }

  /** Whether the shell would say the same now, as far as can be seen. */
  isCurrent(): boolean {
    return performance.now() - this.#asked <= OLDEST && this.#files === loginStartUpFiles()
  }

  /** Gives the process the environment that it had before. */
  async takeBack(): Promise<void> {
    await this.#environment
    for (const [name, value] of this.#replaced) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
}
