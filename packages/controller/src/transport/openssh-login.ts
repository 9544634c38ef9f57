import { DatamaestroError, type ErrorCode } from "@datamaestro/protocol"
import { isSilentAgent } from "./agent-identities.ts"
import { opensshArguments, PLAIN_CHANNEL } from "./openssh-arguments.ts"
import type { Askpass } from "./openssh-askpass.ts"
import { runSsh, type OpensshConfiguration } from "./openssh-configuration.ts"
import { HOST_KEY_ADDED, HOST_KEY_WARNING, OPEN_KEY, opensshFailure } from "./openssh-failure.ts"
import type { OpensshLoginWatch } from "./openssh-login-watch.ts"
import type { OpensshSharing } from "./openssh-sharing.ts"
import { proxyWords } from "./openssh-proxy-words.ts"
import { sshCommand } from "./ssh-command.ts"
import type { SshConnectOptions, SshStage } from "./ssh-connect-options.ts"
import type { SshTarget } from "./ssh-target.ts"
import { userCertificates } from "./user-certificates.ts"

export interface OpensshLoginOptions extends SshConnectOptions {
  share: OpensshSharing
  askpass: Askpass | undefined
  watch: OpensshLoginWatch
}

/** Makes the shared connection; `ssh` goes on with it in the background once it has logged in. */
export async function opensshLogin(
  target: SshTarget,
  configuration: OpensshConfiguration,
  options: OpensshLoginOptions,
): Promise<void> {
  const { share, askpass, watch, onNotice, signal } = options
  const batch = askpass === undefined ? ["-o", "BatchMode=yes"] : []
  const own = [...PLAIN_CHANNEL, "-N", ...share.options, ...share.masterOptions, ...batch, "-o", "LogLevel=INFO"]
  const environment = { ...(askpass?.environment ?? process.env) }
  const { identityAgent } = configuration
  if (identityAgent !== undefined && (await isSilentAgent(identityAgent))) {
    const message = `The SSH agent at "${identityAgent}" does not answer: ssh goes on without it`
    onNotice({ level: "warning", message })
    own.push("-o", "IdentityAgent=none")
    // Those that ssh starts for hosts on the way would wait for it, too.
    if (environment["SSH_AUTH_SOCK"] === identityAgent) delete environment["SSH_AUTH_SOCK"]
  }
  const end = signal === undefined ? watch.signal : AbortSignal.any([signal, watch.signal])
  const { code, stderr } = await runSsh(opensshArguments(target, [...own, ...configuration.bounds]), {
    environment,
    signal: end,
    onStderr: (words) => {
      watch.heard()
      askpass?.heard(words)
    },
  })
  if (code !== 0) {
    const certificates = await userCertificates(configuration)
    const proxy = await proxyWords(target, configuration, stderr, end)
    const error = opensshFailure({ ...configuration, stderr, mayAsk: askpass !== undefined, certificates, ...proxy })
    tellStages(options, "by ssh", error.code)
    throw error
  }
  tellStages(options, "by ssh")
  for (const line of stderr.split("\n")) {
    if (configuration.tellsNotices && HOST_KEY_ADDED.test(line)) onNotice({ level: "info", message: line.trim() })
    const key = OPEN_KEY.exec(line)?.[1]
    if (key !== undefined) {
      onNotice({ level: "warning", message: `ssh leaves out the key "${key}": others may read it` })
    }
    const warning = HOST_KEY_WARNING.exec(line)?.[1]
    if (warning === undefined) continue
    const message = `ssh says of "${target.destination}": ${warning}; StrictHostKeyChecking lets it go on`
    onNotice({ level: "warning", message })
  }
}

export function tellWait({ label, identityAgent }: OpensshConfiguration, { onNotice }: SshConnectOptions): void {
  const agent = identityAgent === undefined ? "" : `, or for the SSH agent at "${identityAgent}" to sign`
  onNotice({ level: "info", message: `ssh still logs in to "${label}": it waits for the server${agent}` })
}

export function silentLogin(
  { label, hostName, port, identityAgent }: OpensshConfiguration,
  cause: unknown,
): DatamaestroError {
  const check = `check that "${sshCommand(label)}" works`
  return new DatamaestroError("UNREACHABLE", `Cannot log in to "${label}": ssh was silent for too long`, {
    hint: identityAgent === undefined ? check : `${check}; -o IdentityAgent=none goes without the SSH agent`,
    details: { host: label, hostName, port },
    cause,
  })
}

/** `ssh` does all parts at once: which were done is known by what failed. */
export function tellStages({ onStage }: SshConnectOptions, found: string, failure?: ErrorCode): void {
  const failed = failure === undefined ? undefined : FAILED_STAGE[failure]
  for (const stage of ["connect", "host key", "authenticate"] as const) {
    if (failure !== undefined && (failed === undefined || failed === stage)) return
    onStage?.(stage, found)
  }
}

const FAILED_STAGE: Partial<Record<ErrorCode, SshStage>> = {
  UNREACHABLE: "connect",
  HOST_KEY_UNKNOWN: "host key",
  HOST_KEY_CHANGED: "host key",
  AUTHENTICATION_FAILED: "authenticate",
}
