import { stateName, type Resources, type StepResource } from "@datamaestro/dataset"

/** The code of a dataset's steps, by the planned resource's name. */
export function stepsOf(resources: Resources): Map<string, StepResource["run"]> {
  return new Map(
    Object.entries(resources).flatMap(([key, resource]) =>
      resource.kind === "step" ? [[stateName(key), (given) => resource.run(given)] as const] : [],
    ),
  )
}
