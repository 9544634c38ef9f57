import { DatamaestroError } from "@datamaestro/protocol"

/** The error of ours that a promise is rejected with; throws when it is not, or with another error. */
export async function rejection(promise: Promise<unknown>): Promise<DatamaestroError> {
  const [result] = await Promise.allSettled([promise])
  if (result?.status !== "rejected") throw new Error("Cannot find a rejection: the promise was fulfilled")
  if (result.reason instanceof DatamaestroError) return result.reason
  throw result.reason
}
