import { DatamaestroError, parseCopyAddress, type CopiedDataset } from "@datamaestro/protocol"
import { setMaxListeners } from "node:events"
import type { Session } from "../session/session.ts"

const PIECE = 1024 * 1024
/** Pieces of a file asked for at once: enough to keep a long line busy. */
const AHEAD = 6

/** The machine that prepared data is copied from, as the relay to the other one sees it. Only wanted datasets can be read. */
export class CopySource {
  readonly #session: Session
  readonly #signal: AbortSignal
  readonly #wanted: ReadonlySet<string>
  readonly #sizes = new Map<string, Promise<{ description: CopiedDataset; sizes: Map<string, number> }>>()

  /** @param wanted as `copies/describe` names datasets */
  constructor(session: Session, wanted: readonly string[], signal: AbortSignal) {
    this.#session = session
    this.#wanted = new Set(wanted)
    this.#signal = signal
    // Each piece that is asked for listens to it, of many files at once.
    setMaxListeners(0, signal)
  }

  /**
   * The bytes at an address of `copyAddress`; nothing when it isn't to be had.
   *
   * @param from where in a file to begin
   */
  async open(address: string, from: number): Promise<AsyncIterable<Buffer> | undefined> {
    const asked = parseCopyAddress(address)
    if (asked === undefined || !this.#wanted.has(asked.dataset)) return undefined
    const { description, sizes } = await this.#described(asked.dataset)
    if (asked.path === undefined) return once(Buffer.from(JSON.stringify(description)))
    const size = sizes.get(asked.path)
    return size === undefined ? undefined : this.#read(asked.dataset, asked.path, from, size)
  }

  #described(dataset: string): Promise<{ description: CopiedDataset; sizes: Map<string, number> }> {
    let found = this.#sizes.get(dataset)
    if (found === undefined) {
      found = this.#describe(dataset)
      found.catch(() => this.#sizes.delete(dataset))
      this.#sizes.set(dataset, found)
    }
    return found
  }

  async #describe(dataset: string): Promise<{ description: CopiedDataset; sizes: Map<string, number> }> {
    const description = await this.#again(({ agent }) =>
      agent.request("copies/manifest", { dataset }, { signal: this.#signal }),
    )
    const files = Object.values(description.resources).flatMap((resource) => resource.files)
    return { description, sizes: new Map(files.map(({ path, bytes }) => [path, bytes])) }
  }

  async *#read(dataset: string, path: string, from: number, size: number): AsyncGenerator<Buffer> {
    const pending: Promise<Buffer>[] = []
    for (let asked = from; asked < size || pending.length > 0;) {
      for (; asked < size && pending.length < AHEAD; asked += PIECE) {
        const piece = this.#piece(dataset, path, asked)
        // Its turn comes later, or never.
        piece.catch(() => {})
        pending.push(piece)
      }
      const piece = await pending.shift()
      if (piece === undefined || piece.length === 0) return
      yield piece
    }
  }

  async #piece(dataset: string, path: string, offset: number): Promise<Buffer> {
    const { data } = await this.#again(({ agent }) =>
      agent.request("copies/read", { dataset, path, offset, length: PIECE }, { signal: this.#signal }),
    )
    return Buffer.from(data, "base64")
  }

  /** Over a connection that is made anew when it is lost. */
  async #again<T>(ask: (session: Session) => Promise<T>): Promise<T> {
    for (;;) {
      const { agent } = this.#session
      try {
        return await ask(this.#session)
      } catch (error) {
        const lost = error instanceof DatamaestroError && error.code === "CONNECTION_LOST"
        if (!lost || this.#session.restore === undefined) throw error
        await this.#session.restore(agent, this.#signal)
      }
    }
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes)
}
