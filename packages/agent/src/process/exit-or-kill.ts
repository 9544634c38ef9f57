let leftBehind = 0

/** Tells of a thread that can't be ended: `process.exit` would wait for it. */
export function leaveBehind(ended: Promise<unknown>): void {
  leftBehind++
  void ended.then(() => leftBehind--)
}

/**
 * Ends this process, whatever it is at: with the status, or by SIGKILL where `process.exit` would wait. It waits for libuv's threads,
 * and a silent name server, a pipe or lost storage may hold one of them up for long. Nobody reads how a held-up agent ended: its work
 * has been told before.
 *
 * @param tries looks, 10 ms apart, at whether what is under way has ended
 */
export function exitOrKill(status: number, tries = 20): void {
  if (leftBehind === 0 && !process.getActiveResourcesInfo().some((name) => /^(FS|GetAddrInfo)Req/.test(name))) {
    process.exit(status)
  }
  if (tries === 0) process.kill(process.pid, "SIGKILL")
  setTimeout(exitOrKill, 10, status, tries - 1)
}
