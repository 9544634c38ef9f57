import { setTimeout as sleep } from "node:timers/promises"

/** What a shell shows as this status, when a process ends by it. */
const SIGNALS: Readonly<Record<number, NodeJS.Signals>> = { 129: "SIGHUP", 130: "SIGINT", 143: "SIGTERM" }
/** What is under way ends by itself within so many milliseconds, or is held up. */
const GRACE = 500

/**
 * Ends this process with the status, or by the signal that it stands for where `process.exit` would wait. It waits for libuv's threads,
 * and a silent name server, a pipe or lost storage may hold one of them up for long. A command that was not interrupted waits: a shell
 * would read another end than its status.
 */
export async function exitOrSignal(status: number): Promise<never> {
  const signal = SIGNALS[status]
  if (signal === undefined) process.exit(status)
  for (const begun = Date.now(); isHeldUp(); await sleep(10)) {
    if (Date.now() - begun < GRACE) continue
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  }
  process.exit(status)
}

function isHeldUp(): boolean {
  return process.getActiveResourcesInfo().some((name) => /^(FSReq|GetAddrInfoReq)/.test(name))
}
