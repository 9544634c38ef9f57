/** What the threads of authors' steps start from: as `thread.ts`, but for code that is not ours. */
import { quietExperiments } from "../process/quiet-experiments.ts"
import { serveStep } from "../step/serve-step.ts"

quietExperiments()
serveStep()
