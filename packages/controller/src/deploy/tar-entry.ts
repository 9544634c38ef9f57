import type { Readable } from "node:stream"

const BLOCK = 512

/** The content of one file of a tar archive (POSIX ustar), as it streams by; nothing where there is no such file. */
export async function* tarEntry(archive: Readable, path: string): AsyncGenerator<Buffer> {
  let pending: Buffer = Buffer.alloc(0)
  let left = 0
  let padding = 0
  let wanted = false
  for await (const chunk of archive as AsyncIterable<Buffer>) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    for (;;) {
      if (left > 0) {
        const part = pending.subarray(0, left)
        pending = pending.subarray(part.length)
        left -= part.length
        if (wanted && part.length > 0) yield part
        if (left > 0) break
        if (wanted) return
      }
      if (padding > 0) {
        const skipped = Math.min(padding, pending.length)
        pending = pending.subarray(skipped)
        padding -= skipped
        if (padding > 0) break
      }
      if (pending.length < BLOCK) break
      const header = pending.subarray(0, BLOCK)
      pending = pending.subarray(BLOCK)
      left = Number.parseInt(header.toString("latin1", 124, 136), 8) || 0
      padding = (BLOCK - (left % BLOCK)) % BLOCK
      wanted = nameOf(header) === path
    }
  }
}

function nameOf(header: Buffer): string {
  const text = (start: number, end: number): string => header.toString("utf8", start, end).split("\0")[0] ?? ""
  const prefix = text(345, 500)
  return prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`
}
