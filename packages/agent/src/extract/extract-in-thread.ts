import { followInThread, type Following } from "../follow/follow-in-thread.ts"
import type { StepContext } from "../pipeline-types.ts"
import { FileList } from "../store/file-list.ts"
import { startThreadAhead } from "../threads/thread-source.ts"
import { extractFollowed, type ExtractedTree, type ExtractRequest } from "./extract-archive.ts"

/** To be called when an archive will be extracted soon. */
export function expectExtraction(): void {
  startThreadAhead("extract")
}

/** Starts to extract an archive while it still comes, in a thread of its own. */
export function extractInThread(
  request: Omit<ExtractRequest, "source">,
  context: StepContext,
): Following<ExtractedTree> {
  const following = followInThread("extract", request, context, extractFollowed)
  return {
    ...following,
    result: following.result.then(({ files, ...tree }) => ({ ...tree, files: new FileList(files) })),
  }
}
