import { FORMAT_VERSION, RESOURCE } from "./brands.ts"
import type { Sum } from "./integrity.ts"
import { checkArgument, checkFields } from "./check-given.ts"
import { FLAG, FUNCTION, TEXT, TEXTS } from "./kinds.ts"
import { listed } from "./listed.ts"
import type { FolderSum } from "./plan.ts"
import type {
  DatafolderResource,
  LinkResource,
  LinksResource,
  ManualResource,
  StepResource,
  StepRun,
} from "./resource.ts"

/**
 * Data that is already on the data machine and stays where it is.
 *
 * @param folder a key of the settings' `datafolders`, which the person sets there
 * @param path below that folder, `/` between folders; without it, the folder itself
 */
export function datafolderPath(folder: string, path = ""): DatafolderResource {
  return { [RESOURCE]: FORMAT_VERSION, kind: "datafolder", folder, path }
}

/**
 * A folder with a link to each of some datasets, so that they look like one.
 *
 * @param from keys of references; the links are named after them
 * @param options.name the folder, in the dataset's folder; default: the key
 */
export function links(from: readonly string[], options: { name?: string } = {}): LinksResource {
  checkArgument("links", "from", from, { ...TEXTS, words: "a list of references' names" })
  checkFields("", "links", options, { name: TEXT })
  return { [RESOURCE]: FORMAT_VERSION, kind: "links", from, name: options.name }
}

/** Where data may already be: a path below a data folder, or an absolute one (`~/` is the person's home). */
export type Place = DatafolderResource | string

/**
 * A link to a folder that is already on the data machine: the first of the places that is there.
 *
 * @param options.name the link, in the dataset's folder; default: the key
 * @param options.check the content it must have
 */
export function linkFolder(
  places: Place | readonly Place[],
  options: { name?: string; check?: FolderSum } = {},
): LinkResource {
  checkFields("", "linkFolder", options, { name: TEXT, check: true })
  if (options.check !== undefined) checkFields("", "linkFolder.check", options.check, { glob: true, md5: true })
  return {
    [RESOURCE]: FORMAT_VERSION,
    kind: "linkfolder",
    places: listed(places),
    name: options.name,
    check: options.check,
    integrity: [],
  }
}

/**
 * A link to a file that is already on the data machine: the first of the places that is there.
 *
 * @param options.name the link, in the dataset's folder; default: the key
 */
export function linkFile(
  places: Place | readonly Place[],
  options: { name?: string; integrity?: Sum | readonly Sum[] } = {},
): LinkResource {
  checkFields("", "linkFile", options, { name: TEXT, integrity: true })
  return {
    [RESOURCE]: FORMAT_VERSION,
    kind: "linkfile",
    places: listed(places),
    name: options.name,
    check: undefined,
    integrity: listed(options.integrity),
  }
}

export interface ManualOptions {
  /** The file, or for something else the folder, that the person puts into the dataset's folder. Default: the key. */
  name?: string
  /** It is an archive of this kind, extracted into a folder named after the key. */
  unpack?: "tar" | "zip"
  /** What to do on that page, in a sentence or two. */
  instructions?: string
  /** Sums of what the person puts there, if it is a file. */
  integrity?: Sum | readonly Sum[]
}

/** Something that only a person can fetch, from a page: behind a login, a form, or a question to its owners. */
export function manual(page: string, options: ManualOptions = {}): ManualResource {
  checkFields("", "manual", options, { name: TEXT, unpack: true, instructions: TEXT, integrity: true })
  return {
    [RESOURCE]: FORMAT_VERSION,
    kind: "manual",
    page,
    instructions: options.instructions,
    name: options.name,
    unpack: options.unpack,
    integrity: listed(options.integrity),
  }
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
  /** Makes it, in a thread of the agent on the data machine; what it throws fails the preparation (STEP_FAILED). */
  run(step: StepRun<From>): Promise<void>
}

/** Something made on the data machine from other resources. Modules that `run` needs travel with the definition. */
export function step<const From extends string>(options: StepOptions<From>): StepResource {
  checkFields("", "step", options, { from: true, name: TEXT, version: TEXT, transient: FLAG, run: true })
  checkArgument("step", "from", options.from, { ...TEXTS, words: "a list of resources' names" })
  checkArgument("step", "run", options.run, FUNCTION)
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
