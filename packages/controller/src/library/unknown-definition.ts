import type { AnyDefinition } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"

/** Whoever has the definition at hand need not search for it: it is the agent that can't find it. Throws what is to be told. */
export function explainUnknown(dataset: string | AnyDefinition): (error: unknown) => never {
  return (error) => {
    const unknown = error instanceof DatamaestroError && error.code === "UNKNOWN_DATASET"
    if (typeof dataset === "string" || !unknown) throw error
    const message = `Cannot find dataset "${dataset.id}": its definition is in no repository that is found`
    throw new DatamaestroError("UNKNOWN_DATASET", message, {
      hint: "list it in the datasets of a Repository, and name the folder of that package in DATAMAESTRO_REPOSITORY_PATH or install it",
      details: error.details,
      cause: error,
    })
  }
}
