import { CHOSEN_NODE, NEEDED_LIBRARIES, STREAM_LOST } from "./boot-protocol.ts"

/** The probe tells it on a line of its own; a shell that shows the command it was given does not. */
const CHOSEN = new RegExp(`^${CHOSEN_NODE}(\\d+) (/.*)$`, "gm")

const NEEDED = new RegExp(`^${NEEDED_LIBRARIES}(.*)$`, "gm")

/** What the probe became. */
export interface ChosenNode {
  /** Of the machine there. */
  pid: number
  path: string
}

/** The Node that the probe became, where nothing of ours has run in it. */
export function chosenNode(noise: string, stderr: string): ChosenNode | undefined {
  const [, pid, path] = [...noise.matchAll(CHOSEN)].at(-1) ?? []
  return path === undefined || stderr.includes(STREAM_LOST) ? undefined : { pid: Number(pid), path }
}

/** The `LD_LIBRARY_PATH` that it needs, where it needs one. */
export function neededLibraries(noise: string): string | undefined {
  return [...noise.matchAll(NEEDED)].at(-1)?.[1]
}

/** What else was printed. */
export function withoutChosenNode(noise: string): string {
  return noise.replaceAll(CHOSEN, "").replaceAll(NEEDED, "")
}
