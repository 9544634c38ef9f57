import { pathToFileURL } from "node:url"
import { compileFunction, constants } from "node:vm"

/** `import()`, compiled here and now: in code that came from V8's code cache, Node 20 has lost how it finds modules. */
const load = compileFunction("return import(url)", ["url"], {
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
}) as (url: string) => Promise<Record<string, unknown>>

/** Loads an ES or CommonJS module by its path. Modules stay loaded: a second call gives the same one. */
export async function importModule(path: string): Promise<Readonly<Record<string, unknown>>> {
  return await load(pathToFileURL(path).href)
}
