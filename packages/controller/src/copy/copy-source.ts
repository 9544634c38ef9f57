import { isConnectionLost, parseCopyAddress, type CopiedDataset } from "@datamaestro/protocol"
import { setMaxListeners } from "node:events"
import type { Session } from "../session/session.ts"

const PIECE = 1024 * 1024
/** Pieces of a file asked for at once: enough to keep a long line busy. */
const AHEAD = 6

interface File {
  path: string
  bytes: number
}

/** What is asked for at once: bytes of files that follow each other, from an offset in the first on. */
interface Piece {
  paths: string[]
  offset: number
  length: number
}

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
   * @param from where in the first file to begin
   */
  async open(address: string, from: number): Promise<AsyncIterable<Buffer> | undefined> {
    const asked = parseCopyAddress(address)
    if (asked === undefined || !this.#wanted.has(asked.dataset)) return undefined
    const { description, sizes } = await this.#described(asked.dataset)
    if (asked.paths.length === 0) return once(Buffer.from(JSON.stringify(description)))
    const files: File[] = []
    for (const path of asked.paths) {
      const bytes = sizes.get(path)
      if (bytes === undefined) return undefined
      files.push({ path, bytes })
    }
    return this.#read(asked.dataset, files, from)
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

  async *#read(dataset: string, files: readonly File[], from: number): AsyncGenerator<Buffer> {
    const pending: Promise<Buffer>[] = []
    const next = piecesOf(files, from)
    for (;;) {
      while (pending.length < AHEAD) {
        const { value: wanted } = next.next()
        if (wanted === undefined) break
        const piece = this.#piece(dataset, wanted)
        // Its turn comes later, or never.
        piece.catch(() => {})
        pending.push(piece)
      }
      const piece = await pending.shift()
      if (piece === undefined || piece.length === 0) return
      yield piece
    }
  }

  async #piece(dataset: string, piece: Piece): Promise<Buffer> {
    let chunks: Uint8Array[] = []
    await this.#again(({ agent }) => {
      chunks = []
      const onBytes = (bytes: Uint8Array): void => void chunks.push(bytes)
      return agent.request("copies/read", { dataset, ...piece }, { signal: this.#signal, onBytes })
    })
    return Buffer.concat(chunks)
  }

  /** Over a connection that is made anew when it is lost. */
  async #again<T>(ask: (session: Session) => Promise<T>): Promise<T> {
    for (;;) {
      const { agent } = this.#session
      try {
        return await ask(this.#session)
      } catch (error) {
        if (!isConnectionLost(error) || this.#session.restore === undefined) throw error
        await this.#session.restore(agent, this.#signal)
      }
    }
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes)
}

function* piecesOf(files: readonly File[], from: number): Generator<Piece> {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  for (let at = from; at < total; at += PIECE) {
    const paths: string[] = []
    let offset = 0
    let start = 0
    for (const { path, bytes } of files) {
      if (start < at + PIECE && start + bytes > at) {
        if (paths.length === 0) offset = at - start
        paths.push(path)
      }
      start += bytes
    }
    yield { paths, offset, length: Math.min(PIECE, total - at) }
  }
}
