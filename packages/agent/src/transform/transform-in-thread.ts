import { followHere, followInThread, type Following } from "../follow/follow-in-thread.ts"
import type { StepContext } from "../pipeline-types.ts"
import { transformFollowed, type TransformedFile, type TransformRequest } from "./transform-file.ts"

/** Less than this is transformed before the agent's code has started once more, and gunzipped before any thread has. */
const LARGE_BYTES = 32 * 1024 * 1024

/**
 * Starts to transform a download while it still comes, in a thread of its own where it is large.
 *
 * @param bytes of the whole download, if known
 */
export function transformInThread(
  request: Omit<TransformRequest, "large">,
  context: StepContext,
  bytes: number | undefined,
): Following<TransformedFile> {
  const large = bytes === undefined || bytes >= LARGE_BYTES
  const whole: TransformRequest = { ...request, large }
  return large
    ? followInThread("transform", whole, context, transformFollowed)
    : followHere(whole, context, transformFollowed)
}
