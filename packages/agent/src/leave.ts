let leftBehind = 0

/** Tells of a thread that can't be ended: `process.exit` would wait for it. */
export function leaveBehind(ended: Promise<unknown>): void {
  leftBehind++
  void ended.then(() => leftBehind--)
}

/**
 * Ends this process, whatever it is at. `process.exit` waits for libuv's threads, and a silent name server, a pipe or lost storage may
 * hold one of them up for long.
 *
 * @param tries looks, 10 ms apart, at whether what is under way has ended
 */
export function leave(status: number, tries = 20): void {
  if (leftBehind === 0 && !process.getActiveResourcesInfo().some((name) => /^(FS|GetAddrInfo)Req/.test(name))) {
    process.exit(status)
  }
  if (tries === 0) process.kill(process.pid, "SIGKILL")
  setTimeout(leave, 10, status, tries - 1)
}
