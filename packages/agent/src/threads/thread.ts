/**
 * What the agent's threads start from: does what the thread was started for. A thread can't wait for the agent's second part, so that
 * the build gives it all that is reached from here, and of the agent's code nothing else: what V8 reads takes its time.
 */
import { serveThread } from "./serve-thread.ts"
import { threadPurpose } from "./thread-source.ts"

const purpose = threadPurpose()
if (purpose !== undefined && purpose !== "step") serveThread(purpose)
