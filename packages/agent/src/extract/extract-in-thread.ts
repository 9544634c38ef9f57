import { followInThread, type Following } from "../follow/follow-in-thread.ts"
import type { StepContext } from "../pipeline-types.ts"
import { FileList } from "../store/file-list.ts"
import { extractFollowed, type ExtractedTree, type ExtractRequest } from "./extract-archive.ts"

/** Starts to extract an archive while it still comes, in a thread of its own. */
export function extractInThread(
  request: Omit<ExtractRequest, "source">,
  context: StepContext,
): Following<ExtractedTree> {
  const following = followInThread("extract", request, context, extractFollowed)
  return { ...following, result: following.result.then(({ root, files }) => ({ root, files: new FileList(files) })) }
}
