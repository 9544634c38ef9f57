import type { DatamaestroError } from "@datamaestro/protocol"
import { sanitizeText } from "./sanitize.ts"

export interface ErrorFormat {
  /** The machine it happened on, when it is not this one. */
  host?: string | undefined
  debug: boolean
  traceback: boolean
  color: boolean
}

const REPORT = "this is a defect of datamaestro: please report it, with what --debug --traceback print"

/** An error as lines for people: what failed, where, the next step; more with `debug` and `traceback`. */
export function formatError(error: DatamaestroError, format: ErrorFormat): string {
  const lines = [`${paint("31;1", "error:", format.color)} ${indent(sanitizeText(error.message))}`]
  const whose = ownerOf(error)
  if (whose !== undefined) lines.push(`  for: ${indent(sanitizeText(whose))}`)
  if (format.host !== undefined) lines.push(`  on: ${indent(sanitizeText(format.host))}`)
  const hint = error.hint ?? (error.code === "UNEXPECTED" ? REPORT : undefined)
  if (hint !== undefined) lines.push(`  ${paint("36", "hint:", format.color)} ${indent(sanitizeText(hint))}`)
  if (format.debug) lines.push(`  code: ${error.code}`, ...detailLines(error), ...causeLines(error.cause))
  if (format.traceback && error.stack !== undefined) lines.push(indent(sanitizeText(`  ${error.stack}`)))
  if (format.traceback) lines.push(...causeStacks(error.cause))
  return lines.join("\n")
}

/** The dataset that an error is of, where the message doesn't say so. */
function ownerOf({ message, details }: DatamaestroError): string | undefined {
  const { dataset, resource } = details
  if (typeof dataset !== "string" || message.includes(dataset)) return undefined
  return typeof resource === "string" ? `${dataset}, resource ${resource}` : dataset
}

function detailLines(error: DatamaestroError): string[] {
  return Object.entries(error.details).map(([key, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value)
    return `  ${key}: ${indent(sanitizeText(text ?? "none"))}`
  })
}

function causes(cause: unknown): unknown[] {
  const chain: unknown[] = []
  for (let next = cause; next !== undefined && next !== null && !chain.includes(next) && chain.length < 10;) {
    chain.push(next)
    next = next instanceof Error ? next.cause : undefined
  }
  return chain
}

function causeLines(cause: unknown): string[] {
  return causes(cause).map(
    (each) => `  cause: ${indent(sanitizeText(each instanceof Error ? each.message : String(each)))}`,
  )
}

function causeStacks(cause: unknown): string[] {
  return causes(cause).flatMap((each) =>
    each instanceof Error && each.stack !== undefined ? [indent(sanitizeText(`  caused by: ${each.stack}`))] : [],
  )
}

function indent(text: string): string {
  return text.replaceAll("\n", "\n    ")
}

function paint(style: string, text: string, color: boolean): string {
  return color ? `\u001b[${style}m${text}\u001b[0m` : text
}
