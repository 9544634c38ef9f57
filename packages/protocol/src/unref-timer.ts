/** Lets a process end though the timer is still running, where the platform has processes: only Node's timers know of them. */
export function unrefTimer(timer: ReturnType<typeof setTimeout>): void {
  const { unref } = timer as unknown as { unref?: () => void }
  unref?.call(timer)
}
