import { getSystemErrorMap } from "node:util"
import type { ErrorCode } from "@datamaestro/protocol"

const CODES: Readonly<Record<string, ErrorCode>> = {
  EACCES: "PERMISSION_DENIED",
  EPERM: "PERMISSION_DENIED",
  EROFS: "READ_ONLY",
  ENOSPC: "NO_SPACE",
  EDQUOT: "NO_SPACE",
}

/** Why the operating system refused, in its words: "no space left on device"; and the code that we have for it. */
export function systemReason(cause: unknown): { code: ErrorCode; reason: string } {
  const { code, errno, message } = cause as NodeJS.ErrnoException
  return { code: CODES[code ?? ""] ?? "STORAGE_FAILED", reason: getSystemErrorMap().get(errno ?? 0)?.[1] ?? message }
}
