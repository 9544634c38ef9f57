import { UPLOAD_PREFIX } from "../boot-protocol.ts"

const MAX_KEPT_BYTES = 4 * 1024 * 1024

/** Reads stdin up to the end of the upload; other lines, and what follows, stay there for the agent. */
export function receive(done: (compressed: Buffer) => void): void {
  const kept: Buffer[] = []
  let pending: Buffer = Buffer.alloc(0)
  let keptBytes = 0
  let wanted: number | undefined
  const chunks: Buffer[] = []
  let got = 0
  const onEnd = (): void => process.exit(1)
  const onData = (chunk: Buffer): void => {
    if (wanted === undefined) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      for (let end = pending.indexOf(10); end !== -1 && wanted === undefined; end = pending.indexOf(10)) {
        const line = pending.subarray(0, end + 1)
        pending = pending.subarray(end + 1)
        const text = line.toString("utf8", 0, Math.min(line.length, 200))
        if (text.startsWith(UPLOAD_PREFIX)) {
          wanted = (JSON.parse(text.slice(UPLOAD_PREFIX.length)) as { bytes: number }).bytes
        } else {
          kept.push(line)
          keptBytes += line.length
        }
      }
      if (keptBytes + pending.length > MAX_KEPT_BYTES && wanted === undefined) process.exit(1)
      if (wanted === undefined) return
      chunk = pending
    }
    chunks.push(chunk)
    got += chunk.length
    if (got < wanted) return
    process.stdin.pause()
    process.stdin.off("data", onData).off("end", onEnd)
    const all = Buffer.concat(chunks)
    const rest = Buffer.concat([...kept, all.subarray(wanted)])
    if (rest.length > 0) process.stdin.unshift(rest)
    done(all.subarray(0, wanted))
  }
  process.stdin.on("data", onData).on("end", onEnd)
}
