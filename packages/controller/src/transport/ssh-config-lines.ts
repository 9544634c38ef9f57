import { DatamaestroError } from "@datamaestro/protocol"
import { parse } from "ssh-config"

/** One directive of an ssh_config file. */
export interface SshConfigLine {
  /** In lower case, as ssh_config keywords don't mind the case. */
  keyword: string
  /** The arguments, without their quotes. */
  values: string[]
  /** Everything after the keyword as written, for directives that are commands. */
  raw: string
  /** The file, or what stands for it. */
  source: string
  /** Counted from 1. */
  line: number
}

/** Directives of several arguments, besides those that ssh-config itself takes apart. */
const SEVERAL = new Set(["setenv", "hostkeyalgorithms", "proxyjump"])

/**
 * Reads directives. Each line is given to the parser on its own, which an ssh_config permits (nothing spans lines)
 * and which is how an error can name its line.
 *
 * @throws DatamaestroError SSH_CONFIGURATION, with `details.path` and `details.line`
 */
export function parseSshConfigLines(text: string, source: string): SshConfigLine[] {
  const lines: SshConfigLine[] = []
  for (const [index, content] of text.split(/\r?\n/).entries()) {
    const trimmed = content.trim()
    if (trimmed === "" || trimmed.startsWith("#")) continue
    lines.push(parseLine(trimmed, source, index + 1))
  }
  return lines
}

function parseLine(text: string, source: string, line: number): SshConfigLine {
  let keyword = text
  try {
    const [node] = parse(text)
    if (node === undefined || !("param" in node)) throw new Error("it is no directive")
    keyword = node.param
    const raw = text.slice(node.param.length + node.separator.length).trim()
    const values = typeof node.value === "string" ? [node.value] : node.value.map((part) => part.val)
    if (raw === "" || values.length === 0) throw new Error("its argument is missing")
    const lower = keyword.toLowerCase()
    const plain = values.length === 1 && SEVERAL.has(lower) && !raw.includes('"') ? raw.split(/\s+/) : values
    return { keyword: lower, values: plain, raw, source, line }
  } catch (cause) {
    // The parser dies of a missing argument in ways that say nothing to a person.
    const reason = cause instanceof TypeError || !(cause instanceof Error) ? "its argument is missing" : cause.message
    throw new DatamaestroError(
      "SSH_CONFIGURATION",
      `Cannot read SSH configuration "${source}": line ${line}: ${reason}`,
      {
        hint: `correct "${keyword}" in line ${line} of ${source}`,
        details: { path: source, line },
        cause,
      },
    )
  }
}
