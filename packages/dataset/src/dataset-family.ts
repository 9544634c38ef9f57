import { checkArgument } from "./check-given.ts"
import { DefinitionError } from "./definition-error.ts"
import type { AnyDefinition } from "./definition.ts"
import { FUNCTION, NAME, TEXTS } from "./kinds.ts"
import type { DatasetLoader } from "./repository.ts"

/** A module that has several datasets. */
export interface DatasetModule {
  readonly datasets: readonly AnyDefinition[]
}

/**
 * The entries of a repository whose datasets stand in one module, loaded when one of them is first needed:
 * `...datasetFamily("org.example.digits", ["train", "test"], () => import("./org.example.digits.ts"))`.
 *
 * @param prefix what the ids begin with
 * @param names what follows it after a dot; `""` is the prefix itself
 */
export function datasetFamily(
  prefix: string,
  names: readonly string[],
  load: () => Promise<DatasetModule>,
): Readonly<Record<string, DatasetLoader>> {
  checkArgument("datasetFamily", "prefix", prefix, NAME)
  checkArgument("datasetFamily", "names", names, TEXTS)
  checkArgument("datasetFamily", "load", load, FUNCTION)
  const loaderOf = (id: string): DatasetLoader => {
    return async () => {
      const { datasets } = await load()
      // As in defineDataset: one id, however an editor wrote its accents.
      const [found, twin] = datasets.filter((definition) => definition.id === id.normalize("NFC"))
      if (found === undefined) throw new DefinitionError(id, "", "the module that should have it does not export it")
      if (twin !== undefined) throw new DefinitionError(id, "", "the module that has it exports two of that id")
      return found
    }
  }
  return Object.fromEntries(
    names.map((name) => {
      const id = name === "" ? prefix : `${prefix}.${name}`
      return [id, loaderOf(id)]
    }),
  )
}
