import { followInThread, type Following } from "../follow/follow-in-thread.ts"
import type { StepContext } from "../pipeline-types.ts"
import { extractFollowed, type ExtractedTree, type ExtractRequest } from "./extract-archive.ts"

/** Starts to extract an archive while it still comes, in a thread of its own. */
export function extractInThread(
  request: Omit<ExtractRequest, "source">,
  context: StepContext,
): Following<ExtractedTree> {
  return followInThread("extract", request, context, extractFollowed)
}
