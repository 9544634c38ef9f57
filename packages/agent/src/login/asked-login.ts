import { readLoginEnvironment, type LoginEnvironment } from "./login-environment.ts"
import { loginStartUpFiles } from "./login-start-up-files.ts"

/** An answer that is older is not used, in milliseconds: start-up files may read others, which nobody watches. */
const OLDEST = 10 * 60_000
/** For so long nobody can have had the time to change a file and start a command. */
const RECENT = 500

/** The login shell's environment, asked for once and put into the process's own. */
export class AskedLogin {
  readonly #asked = performance.now()
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
  async isCurrent(): Promise<boolean> {
    const age = performance.now() - this.#asked
    if (age < RECENT) return true
    if (age > OLDEST) return false
    return (await this.#files) === (await loginStartUpFiles())
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
