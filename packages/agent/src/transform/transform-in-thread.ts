import type { Transform } from "@datamaestro/dataset"
import { expectGunzip } from "../compression/gunzip-in-thread.ts"
import { followHere, followInThread, type Following } from "../follow/follow-in-thread.ts"
import type { StepContext } from "../pipeline-types.ts"
import { transformFollowed, type TransformedFile, type TransformRequest } from "./transform-file.ts"

/** Less than this is transformed before the agent's code has started once more. */
const LARGE_BYTES = 32 * 1024 * 1024
/** Less than this is gunzipped before a thread that was not expected has started. */
const APART_BYTES = 8 * 1024 * 1024

/** To be called when a download will be transformed soon; `bytes` of it, if known. */
export function expectTransformation([first]: readonly Transform[], bytes: number | undefined): void {
  if (first?.kind === "gunzip" && (bytes === undefined || (bytes >= APART_BYTES && bytes < LARGE_BYTES))) expectGunzip()
}

/**
 * Starts to transform a download while it still comes, in a thread of its own where it is large.
 *
 * @param bytes of the whole download, if known
 */
export function transformInThread(
  request: Omit<TransformRequest, "apart" | "busy">,
  context: StepContext,
  bytes: number | undefined,
): Following<TransformedFile> {
  const large = bytes === undefined || bytes >= LARGE_BYTES
  const whole: TransformRequest = { ...request, apart: bytes === undefined || bytes >= APART_BYTES, busy: !large }
  return large
    ? followInThread("transform", whole, context, transformFollowed)
    : followHere(whole, context, transformFollowed)
}
