import {
  CopiedDataset,
  copyAddress,
  DatamaestroError,
  EXIT_STATUS,
  interrupted,
  type CopiedResource,
  type ErrorCode,
} from "@datamaestro/protocol"
import type { Readable } from "node:stream"
import { text } from "node:stream/consumers"
import * as v from "valibot"
import type { Relay } from "../fetch/way-out.ts"
import { datasetKey } from "../store/layout.ts"

interface DatasetName {
  id: string
  repository: string
}

/** Of what was changed or lost since it was prepared. */
const CHANGED: ReadonlySet<ErrorCode> = new Set(["CORRUPT", "CHECKSUM_MISMATCH"])

/** What another machine has of prepared datasets, asked for through the controller. */
export class CopyReader {
  readonly #relay: Relay
  readonly #described = new Map<string, Promise<CopiedDataset>>()

  constructor(relay: Relay) {
    this.#relay = relay
  }

  /** What the other machine has of a resource; nothing when each machine makes it itself. */
  async resource(dataset: DatasetName, name: string, signal: AbortSignal): Promise<CopiedResource | undefined> {
    const key = datasetKey(dataset)
    let described = this.#described.get(key)
    if (described === undefined) {
      described = this.#describe(key, signal)
      described.catch(() => this.#described.delete(key))
      this.#described.set(key, described)
    }
    const { resources } = await described
    return Object.hasOwn(resources, name) ? resources[name] : undefined
  }

  /** The bytes of files, one behind the other, from an offset in the first on. */
  async files(dataset: DatasetName, paths: readonly string[], offset: number, signal: AbortSignal): Promise<Readable> {
    return await this.#ask(copyAddress(datasetKey(dataset), paths), { range: `bytes=${offset}-` }, signal)
  }

  async #describe(key: string, signal: AbortSignal): Promise<CopiedDataset> {
    const answer = await text(await this.#ask(copyAddress(key), {}, signal))
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), CopiedDataset), answer)
    if (parsed.success) return parsed.output
    const [issue] = parsed.issues
    const at = v.getDotPath(issue)
    throw new DatamaestroError(
      "PROTOCOL_MISMATCH",
      `Cannot read what the other machine has of "${key}": ${at === null ? "" : `${at}: `}${issue.message}`,
      { hint: "verify the dataset there with `datamaestro verify`, or prepare it here instead of copying it" },
    )
  }

  async #ask(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Readable> {
    try {
      const { body } = await this.#relay.request({ url, method: "GET", headers, signal })
      return body
    } catch (error) {
      throw signal.aborted ? interrupted() : asCopyError(error)
    }
  }
}

/** What the controller says of a failure over there. */
export function asCopyError(error: unknown): unknown {
  if (error instanceof DatamaestroError || !(error instanceof Error)) return error
  const { code = "" } = error as NodeJS.ErrnoException
  if (code === "REFUSED") {
    // Whoever only attaches has no other machine at hand. The job stays as it is.
    return new DatamaestroError("CONNECTION_LOST", "Cannot go on copying: the machine to copy from is not connected", {
      hint: "run the same `datamaestro copy` again: it continues where it stopped",
    })
  }
  const known = Object.hasOwn(EXIT_STATUS, code) ? (code as ErrorCode) : "UNEXPECTED"
  const hint = `the fault is on the machine to copy from: ${CHANGED.has(known) ? "prepare it anew there with --force, or " : ""}copy from elsewhere`
  return new DatamaestroError(known, error.message, { ...(known === "UNEXPECTED" ? {} : { hint }), cause: error })
}
