/** Node's own: while an author's code runs, `process.exit` is something else, and timers may come from there. */
const exit: (status: number) => never = process.exit.bind(process)

/** Thrown in an author's code in place of ending the process, and told already. */
export class LeaveRefused extends Error {}

/**
 * Ends this process, whatever it is at. `process.exit` waits for libuv's threads, and a silent name server, a pipe or lost storage may
 * hold one of them up for long.
 *
 * @param tries looks, 10 ms apart, at whether what is under way has ended
 */
export function leave(status: number, tries = 20): void {
  if (!process.getActiveResourcesInfo().some((name) => /^(FS|GetAddrInfo)Req/.test(name))) exit(status)
  if (tries === 0) process.kill(process.pid, "SIGKILL")
  setTimeout(leave, 10, status, tries - 1)
}
