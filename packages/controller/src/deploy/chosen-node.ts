import { CHOSEN_NODE, NEEDED_LIBRARIES, STREAM_LOST } from "./boot-protocol.ts"

/** The probe tells it on a line of its own; a shell that shows the command it was given does not. */
const CHOSEN = new RegExp(`^${CHOSEN_NODE}(/.*)$`, "gm")

const NEEDED = new RegExp(`^${NEEDED_LIBRARIES}(.*)$`, "gm")

/** The Node that the probe became, where nothing of ours has run in it. */
export function chosenNode(noise: string, stderr: string): string | undefined {
  return stderr.includes(STREAM_LOST) ? undefined : [...noise.matchAll(CHOSEN)].at(-1)?.[1]
}

/** The `LD_LIBRARY_PATH` that it needs, where it needs one. */
export function neededLibraries(noise: string): string | undefined {
  return [...noise.matchAll(NEEDED)].at(-1)?.[1]
}

/** What else was printed. */
export function withoutChosenNode(noise: string): string {
  return noise.replaceAll(CHOSEN, "").replaceAll(NEEDED, "")
}
