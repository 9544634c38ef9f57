import { isConnectionLost } from "@datamaestro/protocol"
import type { Deployment } from "../deploy/deployment.ts"
import { aheadOf, gatherFor, initializeParams } from "./handshake.ts"
import type { HoldOptions } from "../hold/connect-held.ts"
import type { ReachedAgent, SessionOptions } from "./session.ts"
import type { SshTarget } from "../transport/ssh-target.ts"
import type { Transport } from "../transport/transport.ts"

/**
 * Connects to another machine, over a connection that is held where there is one, and starts the agent there.
 *
 * @throws DatamaestroError of the connection kind
 */
export async function reachRemoteAgent(
  options: SessionOptions,
  ssh: SshTarget,
  deployment: Deployment,
): Promise<ReachedAgent> {
  const minutes = options.holdMinutes ?? 0
  const hold = minutes > 0 ? { minutes, with: [options.node, deployment.hash] } : undefined
  try {
    return await reachOver(options, ssh, deployment, hold)
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error
    const message = `The connection held to "${ssh.destination}" is no good any more: making a new one`
    options.onEvent({ phase: "notice", level: "debug", message })
  }
  return await reachOver(options, ssh, deployment, hold).catch(async (error: unknown) => {
    if (!(error instanceof StaleConnection)) throw error
    return await reachOver(options, ssh, deployment, undefined)
  })
}

/** What failed was a connection that had been there before: a new one may do. */
class StaleConnection extends Error {}

async function reachOver(
  options: SessionOptions,
  ssh: SshTarget,
  deployment: Deployment,
  hold: HoldOptions | undefined,
): Promise<ReachedAgent> {
  const { onEvent, prompter, signal } = options
  const [{ connectSsh }, { openRemoteAgent }] = await Promise.all([
    import("../transport/connect-ssh.ts"),
    import("../deploy/open-remote-agent.ts"),
  ])
  // Node reads eleven modules when `performance` is first looked at.
  const began = process.hrtime.bigint()
  const gathered = gatherFor(options, "remote")
  const transport: Transport = await connectSsh(ssh, {
    prompter,
    signal,
    hold,
    onNotice: (notice) => onEvent({ phase: "notice", ...notice }),
  })
  try {
    // A listener of the library may throw: what is connected must still be closed.
    const milliseconds = Number((process.hrtime.bigint() - began) / 1_000_000n)
    onEvent({ phase: "connect", address: transport.address, milliseconds })
    const started = await openRemoteAgent(transport, {
      deployment,
      node: options.node,
      initialize: initializeParams(options, "login"),
      ahead: aheadOf(options, gathered),
      onEvent,
      signal,
      bootTimeout: options.bootTimeout,
    })
    return { ...started, label: transport.label, where: "remote", gathered, end: () => transport.close() }
  } catch (error) {
    if (isConnectionLost(error) && transport.held?.reused === true && signal?.aborted !== true) {
      await transport.held.discard()
      throw new StaleConnection(undefined, { cause: error })
    }
    await transport.close()
    throw error
  }
}
