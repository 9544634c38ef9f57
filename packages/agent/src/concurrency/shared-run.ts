/**
 * Makes of `run` what many may ask for at once: who asks while it runs shares the next run, which begins after that one.
 *
 * @param ready what the next run waits for; who asks meanwhile shares it, too
 */
export function sharedRun(run: () => Promise<void>, ready?: () => Promise<void>): () => Promise<void> {
  let latest: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined
  return () => {
    next ??= latest
      .catch(() => {})
      .then(async () => {
        await ready?.()
        next = undefined
        await run()
      })
    latest = next
    return next
  }
}
