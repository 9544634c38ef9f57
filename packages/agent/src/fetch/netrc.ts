/** A login of `.netrc` (the file format of ftp(1) that curl and wget read). */
export interface NetrcEntry {
  /** `undefined` for the `default` entry. */
  machine: string | undefined
  login: string
  password: string
  /** The line, from 1, where its login or password begins with a quote that is not closed. */
  unclosed?: number
}

interface Word {
  text: string
  line: number
  unclosed: boolean
}

/** Parses `.netrc`; macros and unknown words are skipped, quoted values as curl has them are understood. */
export function parseNetrc(text: string): NetrcEntry[] {
  const entries: NetrcEntry[] = []
  // A macro runs to the next empty line.
  const words = text
    .replace(/(^|\n)[ \t]*macdef[^\n]*(\n[^\n]+)*/g, (macro) => macro.replace(/[^\n]+/g, ""))
    .split("\n")
    .flatMap((line, at) => wordsOf(line, at + 1))
  let current: NetrcEntry | undefined
  const take = (at: number): string => {
    const word = words[at]
    if (current !== undefined && word?.unclosed === true) current.unclosed ??= word.line
    return word?.text ?? ""
  }
  for (let at = 0; at < words.length; at++) {
    const word = words[at]?.text
    if (word === "default") {
      current = { machine: undefined, login: "", password: "" }
      entries.push(current)
    } else if (word === "machine") {
      current = { machine: (words[++at]?.text ?? "").toLowerCase(), login: "", password: "" }
      entries.push(current)
    } else if (word === "login" && current !== undefined) current.login = take(++at)
    else if (word === "password" && current !== undefined) current.password = take(++at)
    else if (word === "account") at++
  }
  return entries
}

function wordsOf(line: string, number: number): Word[] {
  const words: Word[] = []
  for (const match of line.matchAll(/"((?:\\.|[^"\\])*)"|(\S+)/g)) {
    const [, quoted, plain] = match
    // A comment starts a line or follows a blank, and only where no value is due: passwords may start with "#".
    if (
      plain?.startsWith("#") === true &&
      !["login", "password", "machine", "account"].includes(words.at(-1)?.text ?? "")
    )
      break
    const text = quoted?.replace(/\\(.)/g, (_, c: string) => ({ n: "\n", r: "\r", t: "\t" })[c] ?? c)
    words.push({ text: text ?? plain ?? "", line: number, unclosed: plain?.startsWith('"') === true })
  }
  return words
}
