import { DatamaestroError } from "./errors.ts"

/**
 * What shells make of `~name` nobody does here: as a folder's name it would be taken for another person's home.
 *
 * @throws DatamaestroError USAGE
 */
export function checkHome(path: string): void {
  const name = /^~[^/]+/.exec(path)?.[0]
  if (name === undefined) return
  throw new DatamaestroError("USAGE", `Cannot use ${JSON.stringify(path)} as a path: "${name}" is not expanded`, {
    hint: "write the path out, or begin it with ./ where a folder is named so",
    details: { path },
  })
}
