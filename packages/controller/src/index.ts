export { Context, type DatasetHandle } from "./context.ts"
export type { JobHandle } from "./job-handle.ts"
export { findDataset, getDataset, prepareDataset } from "./prepare-dataset.ts"
export type { FindOptions, PrepareOptions, ValueOptions } from "./prepare-dataset.ts"
export type { Place } from "./place.ts"
export type { CallOptions, PrepareCallOptions, ValueCallOptions } from "./dataset-calls.ts"
export type { LocalMachineOptions, MachineOptions } from "./machine.ts"
export type { RepositoryHandle } from "./repository-handle.ts"
export type { SessionEvent } from "./session.ts"
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
