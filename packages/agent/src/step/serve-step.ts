import { setMaxListeners } from "node:events"
import { parentPort, type MessagePort } from "node:worker_threads"
import type { StepResource } from "@datamaestro/dataset"
import { interrupted, ProgressCoalescer } from "@datamaestro/protocol"
import { forbidEnding } from "../process/forbid-ending.ts"
import { loadRepository } from "../repositories/load-repository.ts"
import { errnoName } from "../store/errno-name.ts"
import { authoredResources } from "../resolve/plan-dataset.ts"
import { stepsOf } from "../resolve/steps-of.ts"
import { thrownText } from "../author-code/thrown-text.ts"
import { markPrograms } from "./started-programs.ts"
import { stepProgress } from "./step-progress.ts"
import type { FromStep, StepRequest, ToStep } from "./step-request.ts"

/** As often as the agent tells its controller. */
const PROGRESS_MILLISECONDS = 100

/** The other side of `runInThread`: what its thread runs. */
export function serveStep(): void {
  const port = parentPort
  if (port === null) throw new Error("this is no thread")
  forbidEnding(() => true)
  const stopping = new AbortController()
  // Authors give it to all that they do, maybe hundreds of files at once: Node's warning of that would be told as theirs.
  setMaxListeners(0, stopping.signal)
  port.on("message", (message: ToStep) => {
    if (message.type === "cancel") return stopping.abort(interrupted())
    markPrograms(message.mark)
    void serve(port, message.request, stopping.signal)
  })
}

async function serve(port: MessagePort, request: StepRequest, signal: AbortSignal): Promise<void> {
  const answer = (message: FromStep): void => port.postMessage(message)
  const coalescer = new ProgressCoalescer(PROGRESS_MILLISECONDS, (event) => answer({ type: "progress", event }))
  const { input, output } = request
  try {
    const run = await loadStep(request)
    await run({ input, output, signal, progress: stepProgress(request, (event) => coalescer.take(event)) })
    coalescer.flush()
    answer({ type: "done" })
  } catch (error) {
    const [stack, errno] = error instanceof Error ? [error.stack, errnoName(error)] : []
    answer({ type: "failed", message: thrownText(error), stack, errno })
  }
  // What the code left behind ends with it; what it has printed is still handed over.
  process.exit()
}

async function loadStep({ source, definition, selection, resource }: StepRequest): Promise<StepResource["run"]> {
  const { datasets } = await loadRepository(source.location, source.path)
  const loaded = await datasets.get(definition)?.()
  const run = loaded && stepsOf(authoredResources(loaded, selection, source.location.id)).get(resource)
  if (run === undefined) throw new Error("its code is missing")
  return run
}
