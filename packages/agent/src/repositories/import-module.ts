import { pathToFileURL } from "node:url"

/** Loads an ES or CommonJS module by its path. Modules stay loaded: a second call gives the same one. */
export async function importModule(path: string): Promise<Readonly<Record<string, unknown>>> {
  return (await import(pathToFileURL(path).href)) as Record<string, unknown>
}
