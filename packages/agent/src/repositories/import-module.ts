import { pathToFileURL } from "node:url"
import { compileFunction, constants } from "node:vm"

/** `import()`, compiled here and now: in code that came from V8's code cache, Node 20 has lost how it finds modules. */
const load = compileFunction("return import(url)", ["url"], {
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
}) as (url: string) => Promise<Record<string, unknown>>

const underWay = new Set<Promise<unknown>>()

/** Loads an ES or CommonJS module by its path. Modules stay loaded: a second call gives the same one. */
export async function importModule(path: string): Promise<Readonly<Record<string, unknown>>> {
  const { href } = pathToFileURL(path)
  const loading = load(href)
  underWay.add(loading)
  try {
    return await loading.finally(() => underWay.delete(loading))
  } catch (error) {
    if (!isRace(error)) throw error
    await Promise.allSettled(underWay)
    // Of that address Node keeps the failure.
    return await load(`${href}?again`)
  }
}

/** CommonJS can't require an ES module, such as that of definitions' words, while another import is loading the same one. */
function isRace(error: unknown): boolean {
  return error instanceof Error && error.message.includes("it is not yet fully loaded")
}
