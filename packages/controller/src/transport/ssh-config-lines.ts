import { DatamaestroError } from "@datamaestro/protocol"
import { splitConfigWords } from "./ssh-config-words.ts"

/** One directive of an ssh_config file. */
export interface SshConfigLine {
  /** In lower case, as ssh_config keywords don't mind the case. */
  keyword: string
  /** The arguments, without their quotes; of a directive that is a command, all of it in one. */
  values: string[]
  /** The arguments in one, for messages. */
  raw: string
  /** The file, or what stands for it. */
  source: string
  /** Counted from 1. */
  line: number
}

/** Directives that are commands for a shell, whose quotes and `#` belong to it. */
const COMMANDS = new Set(["proxycommand", "localcommand", "remotecommand", "knownhostscommand"])

/** Directives of exactly one argument, of those that we honour. */
const SINGLE = new Set([
  "addressfamily",
  "batchmode",
  "bindaddress",
  "connectionattempts",
  "connecttimeout",
  "forwardagent",
  "hashknownhosts",
  "hostkeyalias",
  "hostname",
  "identitiesonly",
  "identityagent",
  "identityfile",
  "port",
  "serveralivecountmax",
  "serveraliveinterval",
  "stricthostkeychecking",
  "tag",
  "user",
])

/** Nothing spans lines in an ssh_config. @throws DatamaestroError SSH_CONFIGURATION, with `details.path` and `details.line` */
export function parseSshConfigLines(text: string, source: string): SshConfigLine[] {
  return text.split(/\r?\n/).flatMap((content, index) => parseLine(content.trim(), source, index + 1) ?? [])
}

function parseLine(text: string, source: string, line: number): SshConfigLine | undefined {
  if (text === "" || text.startsWith("#")) return undefined
  // White space, or one `=` with or without white space, ends the keyword, which may stand in quotes.
  const [, quoted, plain, rest = ""] = /^(?:"([^"]*)"|([^\s="]+))(?:\s*=\s*|\s+|$)(.*)$/s.exec(text) ?? []
  const keyword = quoted ?? plain ?? text
  const refuse = (reason: string): DatamaestroError =>
    new DatamaestroError("SSH_CONFIGURATION", `Cannot read SSH configuration "${source}": line ${line}: ${reason}`, {
      hint: `correct "${keyword}" in line ${line} of ${source}`,
      details: { path: source, line },
    })
  const lower = keyword.toLowerCase()
  if (COMMANDS.has(lower)) {
    if (rest === "") throw refuse("its argument is missing")
    return { keyword: lower, values: [rest], raw: rest, source, line }
  }
  let values: string[]
  try {
    values = splitConfigWords(rest)
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error))
  }
  if (values[0] === undefined || values[0] === "") throw refuse("its argument is missing")
  if (values.length > 1 && SINGLE.has(lower)) throw refuse(`it takes one argument, and "${values[1]}" follows`)
  return { keyword: lower, values, raw: values.join(" "), source, line }
}
