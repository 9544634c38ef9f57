import type { AnyDefinition, Prepared } from "@datamaestro/dataset"
import {
  DatamaestroError,
  type DatasetInfo,
  type GlobalSettings,
  type JobSummary,
  type Paths,
} from "@datamaestro/protocol"
import { checkName, checkOptions } from "./check-options.ts"
import {
  infoIn,
  prepareIn,
  startIn,
  valueIn,
  type CallOptions,
  type PrepareCallOptions,
  type ValueCallOptions,
} from "./dataset-calls.ts"
import { datasetId, type SelectedValues } from "./dataset-id.ts"
import { heldSession, openLasting } from "./held-session.ts"
import { jobHandle, listJobsIn, type JobHandle } from "./job-handle.ts"
import { localPaths, readLocalSettings } from "./local-context.ts"
import { libraryCall } from "./library-call.ts"
import { localMachine, remoteMachine, type LocalMachineOptions, type Machine, type MachineOptions } from "../machine.ts"
import { listRepositories, type RepositoryHandle } from "./repository-handle.ts"
import { sessionPerCall, type SessionSource } from "./session-source.ts"
import type { SelectedOptions, UntypedValue } from "./selected-options.ts"
import { explainUnknown } from "./unknown-definition.ts"
import { readUserSettings } from "../user-settings.ts"

export interface DatasetOptions {
  selection?: SelectedValues | undefined
}

/** A dataset by its id, not yet looked up: each call finds it. */
export interface DatasetHandle<V = UntypedValue> {
  readonly id: string
  /** @throws DatamaestroError UNKNOWN_DATASET and the others of `prepareDataset` */
  prepare(options?: PrepareCallOptions): Promise<V>
  /**
   * Begins to prepare it as a job, which goes on when this program ends; resolves once the job can be found again.
   *
   * @throws DatamaestroError of the connection and of the storage; USAGE where the context was made with `onDisconnect: "cancel"`;
   * what fails later is told by the job
   */
  start(options?: PrepareCallOptions): Promise<JobHandle<V>>
  /** The value with the paths it has or will have; nothing is fetched. */
  value(options?: ValueCallOptions): Promise<V>
  info(options?: CallOptions): Promise<DatasetInfo>
}

interface ContextFacts {
  paths: Paths
  settings: GlobalSettings
  source: SessionSource
  host: string | undefined
  onDisconnect?: MachineOptions["onDisconnect"]
}

/** One data directory, on this machine or on another one, and what can be done with it. */
export class Context implements AsyncDisposable {
  /** The data directory on the data machine, absolute. */
  readonly datapath: string
  /** Where downloads are, absolute. */
  readonly cachepath: string
  /** The global settings as they were when the context was made. */
  readonly settings: GlobalSettings & { readonly datafolders: Readonly<Record<string, string>> }
  /** The host as given to `Context.remote`; absent for this machine. */
  readonly host: string | undefined
  /** @internal */
  readonly source: SessionSource
  /** As whoever made it said; absent where nobody did. */
  readonly #onDisconnect: MachineOptions["onDisconnect"]

  private constructor(facts: ContextFacts) {
    this.datapath = facts.paths.data
    this.cachepath = facts.paths.cache
    this.settings = { ...facts.settings, datafolders: facts.settings.datafolders ?? {} }
    this.host = facts.host
    this.source = facts.source
    this.#onDisconnect = facts.onDisconnect
  }

  /**
   * This machine: `data`, else `DATAMAESTRO_DIR`, else `~/datamaestro`. Needs no closing.
   *
   * @throws DatamaestroError MALFORMED_SETTINGS, USAGE
   */
  static instance(options: LocalMachineOptions = {}): Context {
    checkOptions("Context.instance", options)
    const paths = localPaths(options.data)
    const machine = localMachine({ ...options, data: paths.data }, readUserSettings())
    return new Context({
      paths,
      settings: readLocalSettings(paths.settings),
      source: sessionPerCall(machine),
      host: undefined,
    })
  }

  /**
   * Another machine, connected until `close()`; a connection that was lost is made again by the next call.
   *
   * @throws DatamaestroError of the connection kind (`UNREACHABLE`, `AUTHENTICATION_FAILED`, `NO_NODE`…)
   */
  static async remote(host: string, options: MachineOptions & CallOptions = {}): Promise<Context> {
    checkName("host", host)
    checkOptions("Context.remote", options)
    const machine = remoteMachine(host, options, readUserSettings())
    return await libraryCall(options, (heeded) => Context.#connect(host, machine, heeded))
  }

  static async #connect(host: string, machine: Machine, options: MachineOptions & CallOptions): Promise<Context> {
    const { signal, prompter, onProgress: onEvent } = options
    const session = await openLasting(machine, { signal, prompter, onEvent })
    try {
      const settings = await session.agent.request("settings/get", {}, { signal })
      const { onDisconnect } = options
      const source = heldSession(machine, session)
      return new Context({ paths: session.initialized.paths, settings, source, host, onDisconnect })
    } catch (error) {
      await session.close()
      throw error
    }
  }

  /** The repositories that this machine has; with a remote context they travel when they are needed. */
  repositories(): Iterable<RepositoryHandle> {
    return listRepositories()
  }

  /**
   * A dataset by its id, or by its definition, which gives its value a type.
   *
   * @throws DatamaestroError USAGE where it is neither
   */
  dataset<D extends AnyDefinition>(
    definition: D,
    ...options: SelectedOptions<DatasetOptions, D>
  ): DatasetHandle<Prepared<D>>
  dataset<V = UntypedValue>(id: string, options?: DatasetOptions): DatasetHandle<V>
  dataset(dataset: string | AnyDefinition, options: DatasetOptions = {}): DatasetHandle {
    checkOptions("dataset", options)
    return this.#handle(datasetId(dataset, options.selection), explainUnknown(dataset))
  }

  #handle(id: string, explain: (error: unknown) => never): DatasetHandle {
    const { source } = this
    return {
      id,
      prepare: async (options = {}) => {
        checkOptions("prepare", options)
        return await prepareIn(source, id, options).catch(explain)
      },
      start: async (options = {}) => {
        checkOptions("start", options)
        if (this.#onDisconnect === "cancel") throw cannotGoOn(id)
        return jobHandle(source, await startIn(source, id, options).catch(explain))
      },
      value: async (options = {}) => {
        checkOptions("value", options)
        return await valueIn(source, id, options).catch(explain)
      },
      info: async (options = {}) => {
        checkOptions("info", options)
        return await infoIn(source, id, options).catch(explain)
      },
    }
  }

  /** All jobs of the data directory, whoever began them, oldest first. */
  async jobs(options: CallOptions = {}): Promise<JobSummary[]> {
    checkOptions("jobs", options)
    return await listJobsIn(this.source, options)
  }

  /**
   * A job by its id, or the beginning of one.
   *
   * @throws DatamaestroError USAGE where it is no text
   */
  job(id: string): JobHandle {
    checkName("job", id)
    return jobHandle(this.source, id)
  }

  /**
   * Ends the connection, if there is one. Calls over it that are under way are cancelled, as if their signals had been aborted:
   * what shall go on is begun with `start`.
   */
  async close(): Promise<void> {
    await this.source.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function cannotGoOn(id: string): DatamaestroError {
  return new DatamaestroError(
    "USAGE",
    `Cannot start "${id}" as a job that goes on without this program: the context was made with onDisconnect "cancel"`,
    { hint: "call prepare, or leave onDisconnect out", details: { option: "onDisconnect" } },
  )
}
