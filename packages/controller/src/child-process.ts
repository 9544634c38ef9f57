import type { ChildProcess } from "node:child_process"

/** Node's module, read when it is first wanted: it takes a millisecond of a start, and a call over a held connection has no use for it. */
export function childProcess(): typeof import("node:child_process") {
  return process.getBuiltinModule("node:child_process")
}

/**
 * Why a program has not been started, where that has left it without its pipes, whatever Node's types say: it makes none where no more files
 * may be opened, and tells in a moment. To be asked at once: what nobody hears ends this process.
 */
export function unstarted(child: ChildProcess): Promise<Error> | undefined {
  if ((child.stdio as typeof child.stdio | undefined) !== undefined) return undefined
  return new Promise((resolve) => child.once("error", resolve))
}
