import { inspect } from "node:util"

/** Of those that were thrown together. */
const MOST = 3

/** What was thrown by code that is not ours, in words. Of several errors in one, whose own message says nothing of them, the first ones. */
export function thrownText(error: unknown): string {
  if (typeof error === "string") return error
  if (!(error instanceof Error)) return inspect(error)
  const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : []
  const more = errors.length > MOST ? [`${errors.length - MOST} more`] : []
  const reasons = [...errors.slice(0, MOST).map(thrownText), ...more].join("; ")
  return [error.message, reasons].filter((text) => text !== "").join(": ")
}
