import { DatamaestroError } from "@datamaestro/protocol"
import { isAbsolute, resolve } from "node:path"
import { expandHome } from "./expand-home.ts"
import type { SshSurroundings } from "./ssh-surroundings.ts"
import { expandEnvironment, expandTokens } from "./ssh-tokens.ts"

/**
 * Makes an absolute path of one as the configuration has it: with `~`, variables and tokens.
 *
 * @throws DatamaestroError SSH_CONFIGURATION where one of them has no value, as OpenSSH refuses it
 */
export type PathReader = (text: string) => string

export function pathReader(
  { home, environment }: SshSurroundings,
  tokens: Readonly<Record<string, string>>,
): PathReader {
  return (text) => {
    const found = expandHome(text, home)
    if (found.startsWith("~")) throw noSuchUser(text)
    const expanded = expandTokens(expandEnvironment(found, environment), tokens)
    return isAbsolute(expanded) ? expanded : resolve(expanded)
  }
}

function noSuchUser(text: string): DatamaestroError {
  const [user] = text.slice(1).split(/[/\\]/)
  return new DatamaestroError("SSH_CONFIGURATION", `Cannot expand "${text}": this machine has no user "${user}"`, {
    hint: "correct it in your SSH configuration; one's own home is ~/, and a file of that name ./~",
  })
}

/** Those of several files; `none` stands for none of them. */
export function paths(files: readonly string[], path: PathReader): string[] {
  return files.filter((file) => file.toLowerCase() !== "none").map(path)
}
