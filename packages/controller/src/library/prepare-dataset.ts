import type { AnyDefinition, Prepared, SelectionArguments, SelectionOf } from "@datamaestro/dataset"
import { DatamaestroError, type DatasetInfo } from "@datamaestro/protocol"
import { checkOptions } from "./check-options.ts"
import {
  infoIn,
  prepareIn,
  valueIn,
  type CallOptions,
  type PrepareCallOptions,
  type ValueCallOptions,
} from "./dataset-calls.ts"
import { datasetId, type SelectedValues } from "./dataset-id.ts"
import { sourceAt, type Place } from "./place.ts"

export interface PrepareOptions extends Place, PrepareCallOptions {
  selection?: SelectedValues | undefined
}

export interface ValueOptions extends Place, ValueCallOptions {
  selection?: SelectedValues | undefined
}

export interface FindOptions extends Place, CallOptions {
  selection?: SelectedValues | undefined
}

/** The options, where `selection` is that of the definition, and required when an axis has no default. */
export type SelectedOptions<O, D> =
  [] extends SelectionArguments<D>
    ? [options?: Omit<O, "selection"> & { selection?: SelectionOf<D> }]
    : [options: Omit<O, "selection"> & { selection: SelectionOf<D> }]

/**
 * Resolves, downloads, verifies and extracts a dataset on the machine where it is wanted.
 *
 * @returns its value, with absolute paths on that machine
 * @throws DatamaestroError with a `code`: UNKNOWN_DATASET, DOWNLOAD_FAILED, CHECKSUM_MISMATCH, NO_SPACE…
 */
export async function prepareDataset<D extends AnyDefinition>(
  definition: D,
  ...options: SelectedOptions<PrepareOptions, D>
): Promise<Prepared<D>>
export async function prepareDataset<V = UntypedValue>(id: string, options?: PrepareOptions): Promise<V>
export async function prepareDataset(dataset: string | AnyDefinition, options: PrepareOptions = {}): Promise<unknown> {
  checkOptions("prepareDataset", options)
  const prepared = prepareIn(sourceAt(options), datasetId(dataset, options.selection), options)
  return await prepared.catch(explain(dataset))
}

/** The value of a dataset with the paths it has or will have, without fetching anything. */
export async function getDataset<D extends AnyDefinition>(
  definition: D,
  ...options: SelectedOptions<ValueOptions, D>
): Promise<Prepared<D>>
export async function getDataset<V = UntypedValue>(id: string, options?: ValueOptions): Promise<V>
export async function getDataset(dataset: string | AnyDefinition, options: ValueOptions = {}): Promise<unknown> {
  checkOptions("getDataset", options)
  return await valueIn(sourceAt(options), datasetId(dataset, options.selection), options).catch(explain(dataset))
}

/** The facts of a dataset: description, tags, resources, and its state on that machine. */
export async function findDataset(dataset: string | AnyDefinition, options: FindOptions = {}): Promise<DatasetInfo> {
  checkOptions("findDataset", options)
  return await infoIn(sourceAt(options), datasetId(dataset, options.selection), options).catch(explain(dataset))
}

/** The value of a dataset that is only named: its shape is known to its definition, not to the compiler. */
// oxlint-disable-next-line typescript/no-explicit-any -- `ds.train.images.path` must be writable for an id too
export type UntypedValue = any

/** Whoever has the definition at hand need not search for it: it is the agent that can't find it. */
function explain(dataset: string | AnyDefinition): (error: unknown) => never {
  return (error) => {
    const unknown = error instanceof DatamaestroError && error.code === "UNKNOWN_DATASET"
    if (typeof dataset === "string" || !unknown) throw error
    const message = `Cannot find dataset "${dataset.id}": its definition is in no repository that is found`
    throw new DatamaestroError("UNKNOWN_DATASET", message, {
      hint: "list it in the datasets of a Repository, and name the folder of that package in DATAMAESTRO_REPOSITORY_PATH or install it",
      details: error.details,
      cause: error,
    })
  }
}
