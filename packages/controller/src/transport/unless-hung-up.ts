import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import { setTimeout as sleep } from "node:timers/promises"
import type { SshConnectOptions } from "./ssh-connect-options.ts"
import type { Transport } from "./transport.ts"

/** `details.reason` of UNREACHABLE where the server has hung up before it said a word. */
export const HUNG_UP = "hung-up"

const ATTEMPTS = 3
/** Between two of them, in milliseconds; up to twice that, so that many that were refused together don't come again together. */
const PAUSE = 700

/**
 * Connects, and once more where the server has hung up at once, as OpenSSH's does with some of many log-ins that are
 * under way (MaxStartups): those of twenty hosts behind one jump host are many. Not where somebody was asked on the
 * way: a code is good for one time.
 */
export async function unlessHungUp(
  options: SshConnectOptions,
  connect: (options: SshConnectOptions) => Promise<Transport>,
): Promise<Transport> {
  const { prompter, signal } = options
  const told = new Set<string>()
  let asked = false
  for (let attempt = 1; ; attempt++) {
    const onNotice: SshConnectOptions["onNotice"] = (notice) => {
      if (attempt > 1 && told.has(notice.message)) return
      told.add(notice.message)
      options.onNotice(notice)
    }
    const watched: typeof prompter = {
      available: prompter.available,
      ask: (question) => {
        asked = true
        return prompter.ask(question)
      },
    }
    try {
      return await connect({ ...options, prompter: watched, onNotice })
    } catch (error) {
      const hungUp = error instanceof DatamaestroError && error.details["reason"] === HUNG_UP
      if (!hungUp || asked || attempt === ATTEMPTS) throw error
      onNotice({ level: "debug", message: `${error.message}: trying again` })
      await sleep(PAUSE * (attempt + Math.random()), undefined, { signal }).catch(() => {
        throw interrupted()
      })
    }
  }
}
