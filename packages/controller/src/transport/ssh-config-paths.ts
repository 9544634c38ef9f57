import { isAbsolute, resolve } from "node:path"
import { expandHome } from "./expand-home.ts"
import type { SshSurroundings } from "./ssh-surroundings.ts"
import { expandEnvironment, expandTokens } from "./ssh-tokens.ts"

/** Makes an absolute path of one as the configuration has it: with `~`, variables and tokens. */
export type PathReader = (text: string) => string

export function pathReader(
  { home, environment }: SshSurroundings,
  tokens: Readonly<Record<string, string>>,
): PathReader {
  return (text) => {
    const expanded = expandTokens(expandEnvironment(expandHome(text, home), environment), tokens)
    return isAbsolute(expanded) ? expanded : resolve(expanded)
  }
}

/** Those of several files; `none` stands for none of them. */
export function paths(files: readonly string[], path: PathReader): string[] {
  return files.filter((file) => file.toLowerCase() !== "none").map(path)
}
