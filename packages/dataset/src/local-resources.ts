import { FORMAT_VERSION, RESOURCE } from "./brands.ts"
import type { DatafolderResource, StepResource, StepRun } from "./resource.ts"

/** Data that is already on the data machine and stays where it is: a path below a folder of the settings' `datafolders`. */
export function datafolderPath(folder: string, path = ""): DatafolderResource {
  return { [RESOURCE]: FORMAT_VERSION, kind: "datafolder", folder, path }
}

export interface StepOptions<From extends string> {
  /** Keys of the resources whose output it reads. */
  from: readonly From[]
  /** The file or folder it makes in the dataset's folder, `/` between folders. */
  name: string
  /** Change it when the output changes, so that it is made anew. Default `"1"`. */
  version?: string
  /** May be removed once all that is made from it is complete. */
  transient?: boolean
  run(step: StepRun<From>): Promise<void>
}

/** Something made on the data machine from other resources. Modules that `run` needs travel with the definition. */
export function step<const From extends string>(options: StepOptions<From>): StepResource {
  return {
    [RESOURCE]: FORMAT_VERSION,
    kind: "step",
    from: options.from,
    name: options.name,
    version: options.version ?? "1",
    transient: options.transient ?? false,
    run: (given) => options.run(given),
  }
}
