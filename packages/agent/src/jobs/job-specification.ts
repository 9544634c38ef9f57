import { AGENT_METHODS, JobId, RepositoryLocation } from "@datamaestro/protocol"
import * as v from "valibot"

/** The version of the files in a job's folder. A newer one is listed, and otherwise left alone. */
export const JOB_VERSION = 1

/** `job.json`: all that somebody else needs to carry the job on, on any machine that shares the data directory. */
export const JobSpecification = v.looseObject({
  version: v.literal(JOB_VERSION),
  id: JobId,
  /** ISO 8601. */
  created: v.string(),
  request: AGENT_METHODS["datasets/prepare"].params,
  repositories: v.array(RepositoryLocation),
  /** The login shell's environment counts: the controller is on another machine. */
  remote: v.boolean(),
  /** Asked for with `--detach`; the others began in the foreground. */
  detached: v.boolean(),
  host: v.string(),
  user: v.string(),
  /** The agent's version. */
  agent: v.string(),
})
export type JobSpecification = v.InferOutput<typeof JobSpecification>

const Prepared = AGENT_METHODS["datasets/prepare"].result

/** `result.json`, written last and whole. */
export const JobResult = v.variant("state", [
  v.object({ version: v.literal(JOB_VERSION), ended: v.string(), state: v.literal("done"), result: Prepared }),
  v.object({
    version: v.literal(JOB_VERSION),
    ended: v.string(),
    state: v.picklist(["failed", "cancelled"]),
    /** As it crosses the wire. */
    error: v.object({
      code: v.number(),
      message: v.string(),
      data: v.optional(
        v.object({
          name: v.string(),
          hint: v.optional(v.string()),
          details: v.optional(v.record(v.string(), v.unknown())),
          stack: v.optional(v.string()),
        }),
      ),
    }),
  }),
])
export type JobResult = v.InferOutput<typeof JobResult>
