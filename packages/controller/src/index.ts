export { Context, type DatasetHandle, type DatasetOptions } from "./library/context.ts"
export type { JobHandle } from "./library/job-handle.ts"
export { findDataset, getDataset, prepareDataset } from "./library/prepare-dataset.ts"
export type { FindOptions, PrepareOptions, ValueOptions } from "./library/prepare-dataset.ts"
export type { Place } from "./library/place.ts"
export type { CallOptions, PrepareCallOptions, ValueCallOptions } from "./library/dataset-calls.ts"
export type { LocalMachineOptions, MachineOptions } from "./machine.ts"
export type { RepositoryHandle } from "./library/repository-handle.ts"
export type { SessionEvent } from "./session/session.ts"
export type { Prompter, Question } from "./transport/prompter.ts"
export { DatamaestroError } from "@datamaestro/protocol"
export type {
  DatasetInfo,
  ErrorCode,
  GlobalSettings,
  JobLogEntry,
  JobState,
  JobSummary,
  ProgressEvent,
} from "@datamaestro/protocol"
