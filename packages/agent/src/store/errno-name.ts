import { constants } from "node:os"

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
)

/**
 * The name of a system error: `ENOSPC`. Node's own `code` says `Unknown system error -122`, or `UNKNOWN` where nothing waits for a promise,
 * for those that libuv has no name for, among them EDQUOT and ESTALE.
 */
export function errnoName(error: unknown): string | undefined {
  const { code, errno } = error as { code?: unknown; errno?: number }
  // The code of what an abort ends with is a number.
  if (typeof code !== "string") return undefined
  // What rm says of a folder.
  if (code === "ERR_FS_EISDIR") return "EISDIR"
  if (!/^(UNKNOWN$|Unknown system error)/.test(code) || errno === undefined) return code
  return NAMES.get(-errno) ?? code
}
