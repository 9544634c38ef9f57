import { DatamaestroError } from "@datamaestro/protocol"

/** The foreseen error that a promise fails with; anything else is thrown on. */
export async function rejection(promise: Promise<unknown>): Promise<DatamaestroError> {
  try {
    await promise
  } catch (error) {
    if (error instanceof DatamaestroError) return error
    throw error
  }
  throw new Error("the promise was expected to fail")
}
