import { DatamaestroError } from "./errors.ts"

/**
 * What follows `~` in a path that begins with the home folder, `""` or `/…`; undefined for any other path. What shells
 * make of `~name` nobody does here: as a folder's name it would be taken for another person's home.
 *
 * @throws DatamaestroError USAGE for `~name`
 */
export function belowHome(path: string): string | undefined {
  const [name, rest] = /^~([^/]*)(.*)/s.exec(path)?.slice(1) ?? []
  if (name === "" || name === undefined) return rest
  throw new DatamaestroError("USAGE", `Cannot use ${JSON.stringify(path)} as a path: "~${name}" is not expanded`, {
    hint: "write the path out, or begin it with ./ where a folder is named so",
    details: { path },
  })
}
