import type { AnyDefinition, Prepared } from "@datamaestro/dataset"
import type { DatasetInfo } from "@datamaestro/protocol"
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
import type { SelectedOptions, UntypedValue } from "./selected-options.ts"
import { explainUnknown } from "./unknown-definition.ts"

export interface PrepareOptions extends Place, PrepareCallOptions {
  selection?: SelectedValues | undefined
}

export interface ValueOptions extends Place, ValueCallOptions {
  selection?: SelectedValues | undefined
}

export interface FindOptions extends Place, CallOptions {
  selection?: SelectedValues | undefined
}

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
  return await prepared.catch(explainUnknown(dataset))
}

/** The value of a dataset with the paths it has or will have, without fetching anything. */
export async function getDataset<D extends AnyDefinition>(
  definition: D,
  ...options: SelectedOptions<ValueOptions, D>
): Promise<Prepared<D>>
export async function getDataset<V = UntypedValue>(id: string, options?: ValueOptions): Promise<V>
export async function getDataset(dataset: string | AnyDefinition, options: ValueOptions = {}): Promise<unknown> {
  checkOptions("getDataset", options)
  return await valueIn(sourceAt(options), datasetId(dataset, options.selection), options).catch(explainUnknown(dataset))
}

/** The facts of a dataset: description, tags, resources, and its state on that machine. */
export async function findDataset(dataset: string | AnyDefinition, options: FindOptions = {}): Promise<DatasetInfo> {
  checkOptions("findDataset", options)
  return await infoIn(sourceAt(options), datasetId(dataset, options.selection), options).catch(explainUnknown(dataset))
}
