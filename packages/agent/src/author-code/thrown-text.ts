import { isDefinitionError } from "@datamaestro/dataset"
import { DatamaestroError } from "@datamaestro/protocol"
import { inspect } from "node:util"

/** Of those that were thrown together. */
const MOST = 3
/** What an error came from is told too, so far. */
const DEEPEST = 3
/** In characters: what somebody can read. Whole documents come in messages. */
const LONGEST = 4000

/** What was thrown by code that is not ours, in words. Of several errors in one, whose own message says nothing of them, the first ones. */
export function thrownText(error: unknown): string {
  const text = textOf(error, DEEPEST)
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}

function textOf(error: unknown, deep: number): string {
  if (typeof error === "string") return error
  if (!(error instanceof Error)) return inspect(error)
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : []
  const more = errors.length > MOST ? [`${errors.length - MOST} more`] : []
  const reasons = [...errors.slice(0, MOST).map((one) => textOf(one, deep)), ...more].join("; ")
  const text = [error.message, reasons, causeOf(error, deep)].filter((part) => part !== "").join(": ")
  return text === "" ? error.name : text
}

/** Of `fetch failed` it is all that says anything. Our own errors have in their message what they came from. */
function causeOf(error: Error, deep: number): string {
  const { cause } = error
  if (cause === undefined || cause === null || deep === 0) return ""
  if (error instanceof DatamaestroError || isDefinitionError(error)) return ""
  const text = textOf(cause, deep - 1)
  return error.message.includes(text) ? "" : text
}
