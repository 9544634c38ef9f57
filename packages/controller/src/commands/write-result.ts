import { DatamaestroError } from "@datamaestro/protocol"
import { systemReason } from "../system-reason.ts"

/**
 * Writes results and waits until they are out. A reader that has left, as `head` does, is no failure.
 *
 * @throws DatamaestroError NO_SPACE, PERMISSION_DENIED, STORAGE_FAILED
 */
export async function writeResult(text: string, stream: NodeJS.WritableStream): Promise<void> {
  const failure = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    // The stream tells twice, in its callback and as an event; unheard, the event would end the process.
    stream.on("error", resolve)
    stream.write(text, (error) => resolve(error ?? undefined))
  })
  if (failure === undefined || failure.code === "EPIPE") return
  const { code, reason } = systemReason(failure)
  throw new DatamaestroError(code, `Cannot write the result to stdout: ${reason}`, {
    hint: "make room, or send stdout elsewhere, and run the same command again: work that is done is not done twice",
    cause: failure,
  })
}
