import type { SelectionArguments, SelectionOf } from "@datamaestro/dataset"

/** The options, where `selection` is that of the definition, and required when an axis has no default. */
export type SelectedOptions<O, D> =
  [] extends SelectionArguments<D>
    ? [options?: Omit<O, "selection"> & { selection?: SelectionOf<D> }]
    : [options: Omit<O, "selection"> & { selection: SelectionOf<D> }]

/** The value of a dataset that is only named: its shape is known to its definition, not to the compiler. */
// oxlint-disable-next-line typescript/no-explicit-any -- `ds.train.images.path` must be writable for an id too
export type UntypedValue = any
