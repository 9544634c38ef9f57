import type { OnReadOpts, Socket } from "node:net"

const SLAB_BYTES = 512 * 1024
/** What Node itself would offer the system for a read. */
const LEAST_BYTES = 64 * 1024
/** Free ones that are kept: what is under way between a connection and the disk. */
const MOST_FREE = 8

interface Slab {
  buffer: Buffer
  /** Bytes that were read into it, and those of them that were given back. */
  taken: number
  returned: number
  /** Nothing more is read into it. */
  full: boolean
}

/**
 * The memory that sockets read into: 512 KiB at once where Node takes 64 KiB from the system, since each read costs the same work
 * in Node and in the HTTP parser, however little it brings. And the same memory again once all that was read into a slab has been given back:
 * a GiB of buffers that are used once is a GiB that V8 collects, each time with all of its heap. What is not given back, or
 * not all of it (headers), is collected as ever.
 */
export class ReadSlabs {
  readonly #slabs = new WeakMap<ArrayBufferLike, Slab>()
  readonly #free: Buffer[] = []
  readonly #released = new WeakSet<Uint8Array>()
  #rest: Buffer | undefined

  /** To be given as `onread` to `net.connect` or `tls.connect`, for any number of sockets, which stay the streams that they are. */
  readonly onread: OnReadOpts

  constructor() {
    const take = (length: number, buffer: Buffer): Buffer => this.#take(length, buffer)
    this.onread = {
      // Called for a socket's first read, and right after each `callback`, for the next one.
      buffer: () => this.#next(),
      callback(this: Socket, length: number, buffer: Uint8Array): boolean {
        // As in Node's own reading: false stops it until somebody wants more.
        return this.push(take(length, buffer as Buffer))
      },
    }
  }

  /** Gives back bytes that were read, which nobody looks at any more. */
  release(chunk: Uint8Array): void {
    const slab = this.#slabs.get(chunk.buffer)
    // Counted twice, it would stand for other bytes of the slab, and those be written over while somebody looks at them.
    if (slab === undefined || this.#released.has(chunk)) return
    this.#released.add(chunk)
    slab.returned += chunk.length
    if (!slab.full || slab.returned < slab.taken) return
    this.#slabs.delete(chunk.buffer)
    if (this.#free.length < MOST_FREE) this.#free.push(slab.buffer)
  }

  #next(): Buffer {
    const rest = this.#rest
    this.#rest = undefined
    if (rest !== undefined) return rest
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
    this.#slabs.set(buffer.buffer, { buffer, taken: 0, returned: 0, full: false })
    return buffer
  }

  #take(length: number, buffer: Buffer): Buffer {
    const slab = this.#slabs.get(buffer.buffer)
    if (slab !== undefined) {
      slab.taken += length
      slab.full = buffer.length - length < LEAST_BYTES
      if (!slab.full) this.#rest = buffer.subarray(length)
    }
    return buffer.subarray(0, length)
  }
}
