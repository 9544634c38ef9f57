import { opensshArguments, PLAIN_CHANNEL } from "./openssh-arguments.ts"
import { runSsh, type OpensshConfiguration } from "./openssh-configuration.ts"
import { PROXY_ENDED, SSH_WITHOUT_PROXY, type OpensshFailure } from "./openssh-failure.ts"
import { printableLines } from "./server-question.ts"
import type { SshTarget } from "./ssh-target.ts"

/** What the ssh to a jump host says of that; the one that goes through it knows no address. */
const HUNG_UP_BY = /^connection (closed|reset) by (?!UNKNOWN )/i

/** How long they may take to say again why there is no way, in milliseconds. */
const LIMIT = 5000

/**
 * What a ProxyCommand or jump host said of a way that leads nowhere. Where its connection is to be shared, ssh throws
 * that away, so that it is asked once more without: nothing is asked of the person, and nobody logs in to the host itself.
 *
 * @param stderr what ssh has said
 */
export async function proxyWords(
  target: SshTarget,
  { bounds, user, hostName }: OpensshConfiguration,
  stderr: string,
  signal: AbortSignal,
): Promise<Pick<OpensshFailure, "proxySaid" | "proxyHungUp">> {
  if (!PROXY_ENDED.test(stderr)) return {}
  const alone = ["ControlPath=none", "ControlMaster=no", "BatchMode=yes", "PreferredAuthentications=none"]
  const own = [...PLAIN_CHANNEL, "-N", ...[...alone, "LogLevel=INFO"].flatMap((option) => ["-o", option])]
  let words = ""
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT)])
  await runSsh(opensshArguments(target, [...own, ...bounds]), {
    environment: { ...process.env, SSH_ASKPASS_REQUIRE: "never" },
    signal: limit,
    onStderr: (text) => void (words += text),
  }).catch(() => undefined)
  const lines = printableLines(words)
  // The host itself lets nobody in who brings nothing: this time there was a way. Or the jump host has hung up once more.
  const reached = `${user}@${hostName}: Permission denied`
  if (lines.some((line) => line.startsWith(reached) || HUNG_UP_BY.test(line))) return { proxyHungUp: true }
  const said = lines.filter((line) => !SSH_WITHOUT_PROXY.test(line))
  return said.length === 0 ? {} : { proxySaid: said.slice(-4).join("\n").slice(-1000) }
}
