import { DatamaestroError } from "@datamaestro/protocol"
import { basename, extname } from "node:path"
import { exportName } from "./dataset-name.ts"

/** The module of a repository's class, as text. */
interface RegistryText {
  /** Its path, for its suffix and for errors. */
  path: string
  text: string
  /** The class. */
  exported: string
}

/**
 * The text with one dataset more in the class's `datasets`, before the others, which stay as they are.
 *
 * @param file the definition's file name, beside the module
 * @throws DatamaestroError BROKEN_REPOSITORY with the line to write by hand where there is no such object
 */
export function registerDataset({ path, text, exported }: RegistryText, id: string, file: string): string {
  const entry = `${JSON.stringify(id)}: async () => (await import("./${importedName(path, text, file)}")).${exportName(id)}`
  const from = text.search(new RegExp(`class\\s+${exported.replaceAll("$", "\\$")}\\b`))
  const found = /static\s+(?:(?:override|readonly)\s+)*datasets\b[^={]*=\s*\{/.exec(text.slice(Math.max(0, from)))
  if (found === null) {
    throw new DatamaestroError("BROKEN_REPOSITORY", `Cannot register "${id}": "${path}" has no "static datasets = {"`, {
      hint: `write the definition by hand, and register it there: ${entry}`,
      details: { path, entry },
    })
  }
  const at = Math.max(0, from) + found.index + found[0].length
  const rest = text.slice(at)
  const empty = /^\s*\}/.exec(rest)
  if (empty !== null) return `${text.slice(0, at)}\n    ${entry},\n  }${rest.slice(empty[0].length)}`
  const indent = /^[ \t]*\r?\n([ \t]*)\S/.exec(rest)?.[1]
  return `${text.slice(0, at)}${indent === undefined ? ` ${entry},` : `\n${indent}${entry},`}${rest}`
}

/** As the module imports others: TypeScript may want `.ts` or `.js`. */
function importedName(path: string, text: string, file: string): string {
  const suffix = extname(path)
  if (!suffix.endsWith("ts")) return file
  const js = suffix.replace("ts", "js")
  const usesJs = new RegExp(`["']\\.[^"']*\\${js}["']`).test(text)
  return usesJs ? `${basename(file, suffix)}${js}` : file
}
