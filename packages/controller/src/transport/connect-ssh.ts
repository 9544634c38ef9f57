import { DatamaestroError } from "@datamaestro/protocol"
import { existsSync } from "node:fs"
import { homedir } from "node:os"
import { expandHome } from "./expand-home.ts"
import type { SshConnectOptions } from "./ssh-connect-options.ts"
import type { SshTarget } from "./ssh-target.ts"
import type { Transport } from "./transport.ts"
import { unlessHungUp } from "./unless-hung-up.ts"

/** Log-ins to one host that may fail in a row, in one process: more of them, and accounts get locked. */
const MAX_FAILURES = 3
/** How long failures count, in milliseconds: servers that lock accounts forget them, too. */
const FORGET_AFTER = 15 * 60_000

interface Failures {
  count: number
  last: DatamaestroError
  time: number
}

const failures = new Map<string, Failures>()

/**
 * Connects and logs in with the SSH client that was asked for, else the built-in one, else (told in a line) the
 * system's `ssh` where the configuration or the server needs what the built-in one lacks.
 *
 * @throws DatamaestroError of the connection kind (exit 8), INTERRUPTED
 */
export async function connectSsh(target: SshTarget, options: SshConnectOptions): Promise<Transport> {
  const key = JSON.stringify([target.destination, target.configFile, target.options, target.identityFiles])
  const failed = failures.get(key)
  const recent = failed !== undefined && performance.now() - failed.time < FORGET_AFTER ? failed : undefined
  if (recent !== undefined && recent.count >= MAX_FAILURES) throw notAgain(target, recent.last)
  try {
    const transport = await connectBy(target, options)
    failures.delete(key)
    return transport
  } catch (error) {
    if (error instanceof DatamaestroError && error.code === "AUTHENTICATION_FAILED") {
      failures.set(key, { count: (recent?.count ?? 0) + 1, last: error, time: performance.now() })
    }
    throw error
  }
}

async function connectBy(asked: SshTarget, options: SshConnectOptions): Promise<Transport> {
  if (options.hold !== undefined) {
    const { connectHeld } = await import("../hold/connect-held.ts")
    const held = await connectHeld(asked, options.hold, options)
    if (held !== undefined) return held
  }
  for (const file of asked.identityFiles.filter(lacks)) {
    options.onNotice({ level: "warning", message: `There is no key "${file}", which -i names` })
  }
  // As with OpenSSH, one that is missing leaves the keys of the configuration, or the usual ones, as they were.
  const target = { ...asked, identityFiles: asked.identityFiles.filter((file) => !lacks(file)) }
  const { transport } = target
  const connect = transport === "openssh" ? connectSystem : transport === "ssh2" ? connectBuiltIn : connectEither
  return await unlessHungUp(options, (watched) => connect(target, watched))
}

async function connectSystem(target: SshTarget, options: SshConnectOptions): Promise<Transport> {
  const { connectOpenssh } = await import("./openssh.ts")
  return await connectOpenssh(target, options)
}

async function connectBuiltIn(target: SshTarget, options: SshConnectOptions): Promise<Transport> {
  const { connectSsh2, resolveSshSettings, beyondBuiltIn } = await builtIn()
  const lacking = (): Promise<string[]> => beyondBuiltIn(target, resolveSshSettings(target))
  return await connectSsh2(target, options).catch(naming(lacking, "leave --transport ssh2 out"))
}

async function connectEither(target: SshTarget, options: SshConnectOptions): Promise<Transport> {
  const { connectSsh2, resolveSshSettings, beyondBuiltIn } = await builtIn()
  const because = async (reason: string): Promise<boolean> => {
    if (!(await opensshInstalled())) return false
    const message = `Using the system's ssh for "${target.destination}": the built-in client lacks ${reason}`
    options.onNotice({ level: "info", message })
    return true
  }
  let settings: ReturnType<typeof resolveSshSettings>
  try {
    settings = resolveSshSettings(target)
  } catch (error) {
    // What we can't read, ssh may: it knows newer words.
    if (!(await opensshReads(target))) throw error
    if (!(await because(`what its configuration says (${error instanceof Error ? error.message : String(error)})`))) {
      throw error
    }
    return await connectSystem(target, options)
  }
  const beyond = await beyondBuiltIn(target, settings)
  if (beyond.length > 0) {
    if (await because(beyond.join(", "))) return await connectSystem(target, options)
    return await connectSsh2(target, options, settings).catch(naming(() => beyond, "install OpenSSH's client"))
  }
  try {
    return await connectSsh2(target, options, settings)
  } catch (error) {
    const { NO_COMMON_ALGORITHM } = await import("./ssh2-failure.ts")
    const foreign = error instanceof DatamaestroError && error.details["reason"] === NO_COMMON_ALGORITHM
    if (foreign && (await because("every algorithm that the server accepts"))) {
      return await connectSystem(target, options)
    }
    throw error
  }
}

async function builtIn() {
  const [{ connectSsh2 }, { resolveSshSettings }, { beyondBuiltIn }] = await Promise.all([
    import("./ssh2.ts"),
    import("./ssh-settings-resolution.ts"),
    import("./beyond-built-in.ts"),
  ])
  return { connectSsh2, resolveSshSettings, beyondBuiltIn }
}

/** Adds to a failed log-in what the built-in client lacks: that may be why. */
function naming(lacking: () => string[] | Promise<string[]>, step: string): (error: unknown) => Promise<never> {
  return async (error) => {
    if (!(error instanceof DatamaestroError) || error.code !== "AUTHENTICATION_FAILED") throw error
    const found = await lacking()
    if (found.length === 0) throw error
    throw new DatamaestroError(error.code, `${error.message}; the built-in client lacks ${found.join(", ")}`, {
      hint: `${step}, so that the system's ssh is used; ${error.hint}`,
      details: error.details,
      cause: error,
    })
  }
}

/** Of a key in the SSH agent there may be its public half only; what has tokens is known later. */
function lacks(identityFile: string): boolean {
  const path = expandHome(identityFile, homedir())
  return !/[%$]/.test(path) && !existsSync(path) && !existsSync(`${path}.pub`)
}

async function opensshInstalled(): Promise<boolean> {
  const { runSsh } = await import("./openssh-configuration.ts")
  return await runSsh(["-V"]).then(
    ({ code }) => code === 0,
    () => false,
  )
}

async function opensshReads(target: SshTarget): Promise<boolean> {
  const { readOpensshConfiguration } = await import("./openssh-configuration.ts")
  return await readOpensshConfiguration(target).then(
    () => true,
    () => false,
  )
}

function notAgain({ destination }: SshTarget, last: DatamaestroError): DatamaestroError {
  return new DatamaestroError(
    "AUTHENTICATION_FAILED",
    `Cannot log in to "${destination}": ${MAX_FAILURES} attempts have failed, and more could lock the account; the last: ${last.message}`,
    { hint: last.hint, details: last.details, cause: last },
  )
}
