import { MessageChannel, type MessagePort } from "node:worker_threads"

let nowhere: MessagePort | undefined

/**
 * Gives the memory of a buffer back at once, where it has it for itself: what is transferred to a closed port is gone.
 * Left to the garbage collector, buffers of a few kilobytes each come to 32 MiB, and each time to a collection of
 * everything.
 */
export function letGo({ buffer, byteLength }: Buffer): void {
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength - byteLength > 1 || byteLength < Buffer.poolSize) return
  if (nowhere === undefined) {
    nowhere = new MessageChannel().port1
    nowhere.close()
  }
  nowhere.postMessage(null, [buffer])
}
