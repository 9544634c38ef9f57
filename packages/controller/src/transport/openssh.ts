import { interrupted } from "@datamaestro/protocol"
import { existsSync } from "node:fs"
import { rm } from "node:fs/promises"
import { resolve } from "node:path"
import { openAskpass, type Askpass } from "./openssh-askpass.ts"
import { readOpensshConfiguration } from "./openssh-configuration.ts"
import { opensshLogin, silentLogin, tellStages, tellWait } from "./openssh-login.ts"
import { watchOpensshLogin } from "./openssh-login-watch.ts"
import { chooseSharing, endSharing, socketIn, type OpensshSharing } from "./openssh-sharing.ts"
import { OpensshTransport } from "./openssh-transport.ts"
import { makeSocketFolder } from "./socket-folder.ts"
import type { SshConnectOptions } from "./ssh-connect-options.ts"
import { requireEndOfJumps } from "./ssh-hop.ts"
import { sshAddress } from "./ssh-settings.ts"
import type { SshTarget } from "./ssh-target.ts"
import type { Transport } from "./transport.ts"

/**
 * Connects and logs in with the system's `ssh`, which reads its own configuration. One connection carries all
 * channels (ControlMaster): the person's own where one is configured, else one behind a socket that only this process
 * knows. Where the system has no such connections (Windows), each channel logs in by itself.
 *
 * @throws DatamaestroError SSH_CONFIGURATION, UNREACHABLE, HOST_KEY_UNKNOWN, HOST_KEY_CHANGED, AUTHENTICATION_FAILED,
 * CONNECTION_LOST, INTERRUPTED
 */
export async function connectOpenssh(given: SshTarget, options: SshConnectOptions): Promise<Transport> {
  const target = fromHere(given)
  const { signal, prompter } = options
  const aborted = (): boolean => signal?.aborted === true
  if (aborted()) throw interrupted()
  const configuration = await readOpensshConfiguration(target, signal).catch((error: unknown) => {
    throw aborted() ? interrupted() : error
  })
  requireEndOfJumps(target)
  options.onStage?.("resolve", sshAddress(configuration))
  if (process.platform === "win32") return new OpensshTransport(target, configuration, [], undefined)
  const folder = await makeSocketFolder()
  let askpass: Askpass | undefined
  const watch = watchOpensshLogin(prompter, () => tellWait(configuration, options))
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  let share: OpensshSharing | undefined
  try {
    if (prompter.available) askpass = await openAskpass(folder, { ...options, prompter: watch.prompter })
    share = await chooseSharing(target, configuration, folder)
    if (share.connected) tellStages(options, "by your shared connection")
    else await opensshLogin(target, configuration, { ...options, share, askpass, watch })
    // What is the person's own needs no place of ours.
    if (!share.own) await remove()
    const { own, options: shared } = share
    const close = (): Promise<void> => (own ? endSharing(target, shared).then(remove) : Promise.resolve())
    return new OpensshTransport(target, configuration, shared, close)
  } catch (error) {
    // Told to end in the moment in which it had logged in, ssh goes on in the background all the same.
    if (share?.own === true && existsSync(socketIn(folder))) await endSharing(target, share.options)
    await remove()
    if (aborted()) throw interrupted()
    if (watch.signal.aborted) throw silentLogin(configuration, error)
    throw askpass?.error ?? error
  } finally {
    watch.stop()
    askpass?.close()
  }
}

/** With files that are found from any folder: whoever keeps the connection leaves the one in which it was made. */
function fromHere({ configFile, identityFiles, ...rest }: SshTarget): SshTarget {
  return {
    ...rest,
    configFile: configFile === undefined || configFile === "none" ? configFile : resolve(configFile),
    identityFiles: identityFiles.map((file) => (file.startsWith("~") ? file : resolve(file))),
  }
}
