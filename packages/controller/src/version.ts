import { readFileSync } from "node:fs"

let version: string | undefined

/** The version of the `datamaestro` package, as its package.json says. */
export function controllerVersion(): string {
  return (version ??= (
    JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }
  ).version)
}
