import type { AgentClient } from "@datamaestro/protocol"

export interface UploadPackOptions {
  hash: string
  bytes: Buffer
  onProgress: (sent: number) => void
  signal?: AbortSignal | undefined
}

const PIECE = 256 * 1024
/** Pieces on their way at once: enough to fill a distant link. */
const WINDOW = 8

/** Sends a pack in pieces, in order. @throws DatamaestroError what the agent answers to a piece */
export async function uploadPack(agent: AgentClient, options: UploadPackOptions): Promise<void> {
  const { hash, bytes, onProgress, signal } = options
  const onTheWay: Promise<void>[] = []
  let sent = 0
  for (let offset = 0; offset < bytes.length; offset += PIECE) {
    const piece = bytes.subarray(offset, offset + PIECE)
    const last = offset + PIECE >= bytes.length
    const params = { hash, offset, data: piece.toString("base64"), last }
    const answer = agent.request("packs/upload", params, { signal }).then(() => {
      sent += piece.length
      onProgress(sent)
    })
    // Its failure is met when its turn comes.
    answer.catch(() => {})
    onTheWay.push(answer)
    if (onTheWay.length >= WINDOW) await onTheWay.shift()
  }
  await Promise.all(onTheWay)
}
