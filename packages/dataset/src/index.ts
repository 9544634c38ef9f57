export { axis, type Axes, type Axis, type AxisOptions, type AxisValue, type NoAxes, type OpenType } from "./axis.ts"
export { belongsToAxis, formatAxisValue, readAxisValue, selectorOf } from "./axis-text.ts"
export { brandOf, DEFINITION, FORMAT_VERSION, PATH, REPOSITORY } from "./brands.ts"
export { DATAFOLDER_KEY_RULE, isDatafolderKey } from "./datafolder-key.ts"
export { datasetFamily, type DatasetModule } from "./dataset-family.ts"
export { datasetIdFault, defineDataset, type DatasetAuthored } from "./define-dataset.ts"
export { DefinitionError, isDefinitionError } from "./definition-error.ts"
export {
  isDefinition,
  type AnyDefinition,
  type DatasetFacts,
  type Definition,
  type NamedReference,
  type Prepared,
  type SelectionArguments,
  type SelectionOf,
  type SymbolicReference,
  type Symbols,
} from "./definition.ts"
export {
  concat,
  file,
  googleStorageFolder,
  huggingFace,
  merge,
  pieces,
  tar,
  wayback,
  zip,
  type ArchiveOptions,
  type BucketOptions,
  type ConcatOptions,
  type FileOptions,
  type HuggingFaceOptions,
  type Piece,
  type Pieces,
  type WaybackOptions,
} from "./download-resources.ts"
export { downloadsOf } from "./downloads-of.ts"
export { md5, sha1, sha256, sha512, type Sum } from "./integrity.ts"
export {
  datafolderPath,
  linkFile,
  linkFolder,
  links,
  manual,
  step,
  type ManualOptions,
  type Place,
  type StepOptions,
} from "./local-resources.ts"
export { isSymbolicPath, symbolicPath, type SymbolicPath } from "./path.ts"
export { planResources, type PlanSurroundings } from "./plan-resources.ts"
export type * from "./plan.ts"
export { reference } from "./reference.ts"
export { isRepositoryClass, Repository, type DatasetLoader, type RepositoryClass } from "./repository.ts"
export type {
  ArchivePiece,
  ArchiveResource,
  BucketResource,
  ConcatResource,
  DatafolderResource,
  FileResource,
  LinkResource,
  LinksResource,
  ManualResource,
  MergeResource,
  ReferenceResource,
  ReferenceTarget,
  Resource,
  Resources,
  StepResource,
  StepRun,
  WaybackResource,
} from "./resource.ts"
export { resourceFault } from "./resource.ts"
export { stateName } from "./state-name.ts"
export { decompress, gunzip, jsonLines, keepLines, replaceInLines } from "./transforms.ts"
export { typed, typeOf, type Described, type DescribedObject, type PreparedValue } from "./typed-value.ts"
export * from "./values.ts"
