import type { Readable } from "node:stream"

/** How long the last bytes of a program that has ended may be on their way, in milliseconds. */
const LATE = 200

/** Settles once the output of a program that has ended was read. What it left running may keep that open, and is not waited for. */
export async function outputEnd(stream: Readable): Promise<void> {
  if (stream.readableEnded || stream.destroyed) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, LATE)
    stream.once("close", () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
