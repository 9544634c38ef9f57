import { join } from "node:path"
import type { PlannedStep } from "@datamaestro/dataset"
import { DatamaestroError, interrupted } from "@datamaestro/protocol"
import { syncTree } from "../place/sync-tree.ts"
import { preparationOrder } from "../resolve/resolve-dataset.ts"
import { stepsOf } from "../resolve/steps-of.ts"
import { runInThread } from "../step/run-in-thread.ts"
import { stepProgress } from "../step/step-progress.ts"
import { finalPaths } from "../store/layout.ts"
import { errnoName } from "../store/errno-name.ts"
import { storageError } from "../store/storage-error.ts"
import { thrownText } from "../author-code/thrown-text.ts"
import { startThread } from "../threads/thread-source.ts"
import type { FoundDataset } from "./found-dataset.ts"
import { placeResource } from "./place-resource.ts"
import { stepContext, type Preparation } from "./preparation.ts"
import { inTurn, queues } from "./queues.ts"
import { readStepOutput } from "./step-output.ts"
import { inWorkFolder } from "./work-folder.ts"

const OUTPUT = "output"
const STACK_LINES = 8
/** No fault of the step's. */
const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"])

/**
 * Runs an author's step into a temporary place, then places what it made.
 *
 * @throws DatamaestroError STEP_FAILED with the step's own message, or when it made nothing
 */
export async function runStep(preparation: Preparation, resource: PlannedStep): Promise<void> {
  const { extractions } = await queues()
  await inTurn(extractions, preparation.signal, (leave) => runNow(preparation, resource, leave))
}

async function runNow(preparation: Preparation, resource: PlannedStep, moved: () => void): Promise<void> {
  const { found, folder, signal } = preparation
  const { target } = resource
  try {
    await inWorkFolder(preparation, resource, async (work) => {
      const output = join(work, OUTPUT)
      await run(preparation, resource, output)
      const made = await readStepOutput({ output, folder, target, inputs: lastingInputs(found, resource) }, signal)
      if (typeof made === "string") throw failed(preparation, resource, made, undefined)
      const { files, links } = made
      const single = files.length === 1 && files[0]?.path === target
      if (single) await syncTree(work, [OUTPUT])
      else {
        await syncTree(
          output,
          files.map(({ path }) => path.slice(target.length + 1)),
        )
      }
      const moves = [{ from: OUTPUT, to: target }]
      await placeResource(preparation, resource, work, { moves, record: { files, links } }, moved)
    })
  } catch (error) {
    throw storageError(error, `make "${target}"`)
  }
}

/** The places of what it is made of, in the dataset's folder; not of what goes once it is made. */
function lastingInputs(found: FoundDataset, { from }: PlannedStep): string[] {
  return found.stored.filter((one) => from.includes(one.name) && !found.isRemovable(one)).map(({ target }) => target)
}

async function run(preparation: Preparation, resource: PlannedStep, output: string): Promise<void> {
  const { dataset, options, signal } = preparation
  const plans = preparationOrder(dataset).map(({ plan }) => plan)
  const pathOf = finalPaths({ paths: options.paths, datafolders: options.datafolders ?? {}, plans })
  const input = Object.fromEntries(Object.entries(resource.inputs).map(([key, path]) => [key, pathOf(path)]))
  const { dataset: id, resource: name, progress } = stepContext(preparation, resource)
  const { source, selection, definition } = dataset
  // Should its code end the agent, whoever waits knows what was running.
  progress({ phase: "step", dataset: id, resource: name })
  const worker = source === undefined || signal.aborted ? undefined : startThread("step")
  try {
    if (source === undefined || worker === undefined) {
      const code = stepsOf(dataset.resources).get(resource.name)
      return await code?.({ input, output, signal, progress: stepProgress({ dataset: id, resource: name }, progress) })
    }
    const named = { source, definition: definition.id, selection, dataset: id, resource: name }
    await runInThread(
      worker,
      { ...named, input, output },
      {
        signal,
        progress,
        onLine: (line) => progress({ phase: "notice", level: "info", message: `${id} ${name}: ${line}` }),
      },
    )
  } catch (error) {
    if (signal.aborted) throw interrupted()
    if (error instanceof Error && FULL.has(errnoName(error) ?? ""))
      throw storageError(error, `make "${name}" of "${id}"`)
    throw failed(preparation, resource, thrownText(error), error)
  }
}

function failed(preparation: Preparation, resource: PlannedStep, reason: string, cause: unknown): DatamaestroError {
  const { id } = preparation.plan
  const stack = cause instanceof Error ? cause.stack?.split("\n").slice(0, STACK_LINES).join("\n") : undefined
  return new DatamaestroError("STEP_FAILED", `Cannot make "${resource.name}" of "${id}": ${reason}`, {
    hint: "the step is part of the dataset's definition: tell its author, with this message",
    details: { dataset: id, resource: resource.name, ...(stack === undefined ? {} : { stack }) },
    cause,
  })
}
