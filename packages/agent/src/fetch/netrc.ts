/** A login of `.netrc` (the file format of ftp(1) that curl and wget read). */
export interface NetrcEntry {
  /** `undefined` for the `default` entry. */
  machine: string | undefined
  login: string
  password: string
}

/** Parses `.netrc`; macros and unknown words are skipped, quoted values as curl has them are understood. */
export function parseNetrc(text: string): NetrcEntry[] {
  const entries: NetrcEntry[] = []
  // A macro runs to the next empty line.
  const words = text
    .replace(/(^|\n)[ \t]*macdef[^\n]*(\n[^\n]+)*/g, "$1")
    .split("\n")
    .flatMap(wordsOf)
  let current: NetrcEntry | undefined
  for (let at = 0; at < words.length; at++) {
    const word = words[at]
    if (word === "default") {
      current = { machine: undefined, login: "", password: "" }
      entries.push(current)
    } else if (word === "machine") {
      current = { machine: (words[++at] ?? "").toLowerCase(), login: "", password: "" }
      entries.push(current)
    } else if (word === "login" && current !== undefined) current.login = words[++at] ?? ""
    else if (word === "password" && current !== undefined) current.password = words[++at] ?? ""
    else if (word === "account") at++
  }
  return entries
}

function wordsOf(line: string): string[] {
  const words: string[] = []
  for (const match of line.matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)) {
    const [, quoted, plain] = match
    // A comment starts a line or follows a blank, and only where no value is due: passwords may start with "#".
    if (plain?.startsWith("#") === true && !["login", "password", "machine", "account"].includes(words.at(-1) ?? ""))
      break
    words.push(quoted?.replace(/\\(.)/g, (_, c: string) => ({ n: "\n", r: "\r", t: "\t" })[c] ?? c) ?? plain ?? "")
  }
  return words
}
