import { join } from "node:path"
import { NotList } from "@datamaestro/protocol"
import * as v from "valibot"
import { readDatasetDocument } from "./dataset-document.ts"
import { LatestWrite } from "./latest-write.ts"
import { storageError } from "./storage-error.ts"
import { writeAtomic } from "./write-atomic.ts"

const ResourceState = v.picklist(["none", "partial", "complete"])
export type ResourceState = v.InferOutput<typeof ResourceState>

/** `.state.json`, as Python datamaestro reads and writes it; unknown keys are kept. */
const StateDocument = v.looseObject({
  version: v.optional(v.number(), 1),
  resources: v.optional(v.pipe(NotList, v.record(v.string(), v.looseObject({ state: ResourceState }))), {}),
})
type StateDocument = v.InferOutput<typeof StateDocument>

export const STATE_FILE = ".state.json"

/** The states of a dataset's resources, in memory and on disk. Write only while holding the dataset's lock. */
export class DatasetState {
  readonly #path: string
  readonly #document: StateDocument
  readonly #file: LatestWrite
  /** What is not on the disk yet, by the resource's name. */
  readonly #unwritten = new Map<string, Promise<void>>()

  private constructor(path: string, document: StateDocument) {
    this.#path = path
    this.#document = document
    this.#file = new LatestWrite((sync) => writeAtomic(path, `${JSON.stringify(document)}\n`, { sync }))
  }

  /**
   * @param folder the dataset's, absolute; it may not exist
   * @throws DatamaestroError MALFORMED_SETTINGS
   */
  static async read(folder: string): Promise<DatasetState> {
    const path = join(folder, STATE_FILE)
    return new DatasetState(path, (await readDatasetDocument(path, StateDocument)) ?? { version: 1, resources: {} })
  }

  /**
   * A resource's state; `undefined`: nothing was ever recorded of it. Python datamaestro's files that are attributes of
   * a class have the attribute's name, which is in capitals.
   */
  of(name: string): ResourceState | undefined {
    const { resources } = this.#document
    const known = [name, name.toUpperCase()].find((one) => Object.hasOwn(resources, one))
    return known === undefined ? undefined : resources[known]?.state
  }

  /** Records a state durably; of several resources at once, in one write. */
  async set(name: string, state: ResourceState): Promise<void> {
    const before = this.of(name)
    // What others ask for meanwhile is theirs to wait for.
    if (before === state) return await this.#unwritten.get(name)
    // That work has begun is for the next run of this machine; there is nothing at the final path that it speaks of.
    const sync = state !== "partial" || before === "complete"
    this.#document.resources[name] = { ...this.#document.resources[name], state }
    const written = this.#file.request(sync).catch((error: unknown) => {
      // Before the next write has it: whoever reads that would take for done what this call's failure keeps from being finished.
      if (before === undefined) delete this.#document.resources[name]
      else this.#document.resources[name] = { ...this.#document.resources[name], state: before }
      throw storageError(error, `write "${this.#path}"`)
    })
    this.#unwritten.set(name, written)
    try {
      await written
    } finally {
      if (this.#unwritten.get(name) === written) this.#unwritten.delete(name)
    }
  }
}
