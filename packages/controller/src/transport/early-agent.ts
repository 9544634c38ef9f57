import type { ChildProcessWithoutNullStreams } from "node:child_process"

/** A program that the launcher started while the command line was still being read. */
export interface EarlyAgent {
  args: readonly string[]
  child: ChildProcessWithoutNullStreams
}

let early: EarlyAgent | undefined

export function setEarlyAgent(agent: EarlyAgent | undefined): void {
  early = agent
}

/** It, once, if it is what is wanted; one that nobody takes ends with this process, which closes its stdin. */
export function takeEarlyAgent(program: string, args: readonly string[]): EarlyAgent["child"] | undefined {
  if (early === undefined || program !== process.execPath) return undefined
  const { child } = early
  if (child.pid === undefined || early.args.join("\0") !== args.join("\0")) return undefined
  // Its end and its last words have gone by unheard: only another one can tell why.
  if (child.exitCode !== null || child.signalCode !== null) return undefined
  early = undefined
  return child
}
