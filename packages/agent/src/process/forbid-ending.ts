/**
 * Makes an error of what code that is not ours does to end this process without a word of whose code it was.
 *
 * @param isForeign whether such code has done it, by an error that came up there
 */
export function forbidEnding(isForeign: (error: Error) => boolean): void {
  const { abort, kill } = process
  const refuse = (call: string): void => {
    const error = new Error(`it called process.${call}`)
    if (isForeign(error)) throw error
  }
  process.abort = () => {
    refuse("abort()")
    return abort.call(process)
  }
  process.kill = (pid, signal) => {
    // Itself, its process group (by either name), or everything that it may.
    const own = [process.pid, 0, -process.pid, -1].includes(pid)
    if (own && signal !== 0) refuse(`kill(${pid}${signal === undefined ? "" : `, ${JSON.stringify(signal)}`})`)
    return kill.call(process, pid, signal)
  }
}
