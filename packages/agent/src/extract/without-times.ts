import { errnoName } from "../store/errno-name.ts"

/** What storage answers that keeps no times but its own: object stores, some FUSE mounts, another owner's files. */
export const KEEPS_NO_TIMES: readonly string[] = ["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL"]

/** For what setting a file's time failed with: a member's content matters, and is there, also where its time can't be kept. */
export function withoutTimes(error: unknown): void {
  if (!KEEPS_NO_TIMES.includes(errnoName(error) ?? "")) throw error
}
