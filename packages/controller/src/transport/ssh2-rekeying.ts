import type { Duplex } from "node:stream"
import type { Client } from "ssh2"
import type { RekeyLimit } from "./ssh-rekey-limit.ts"
import { exchangeKeys } from "./ssh2-internals.ts"

/** Exchanges keys again as RekeyLimit has it, whichever comes first; looked at when something passes, as `ssh` does. */
export function exchangeKeysAgain(client: Client, stream: Duplex, { bytes, milliseconds }: RekeyLimit): void {
  if (bytes === 0 && milliseconds === 0) return
  let passed = 0
  let since = performance.now()
  const count = (amount: number): void => {
    passed += amount
    const due = (bytes > 0 && passed >= bytes) || (milliseconds > 0 && performance.now() - since >= milliseconds)
    if (!due) return
    passed = 0
    since = performance.now()
    // A packet may be under way: ssh2 writes it in several pieces.
    setImmediate(() => exchangeKeys(client))
  }
  stream.on("data", (chunk: Buffer) => count(chunk.length))
  const write = stream.write.bind(stream) as (chunk: Buffer, ...rest: unknown[]) => boolean
  stream.write = (chunk: Buffer, ...rest: unknown[]): boolean => {
    count(chunk.length)
    return write(chunk, ...rest)
  }
}
