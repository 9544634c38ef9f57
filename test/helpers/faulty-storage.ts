import { spawnSync } from "node:child_process"
import { constants } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

export interface Fault {
  error?: "EACCES" | "EDQUOT" | "EEXIST" | "EIO" | "ENOSPC" | "ENOTCONN" | "ENOTEMPTY" | "EROFS" | "EXDEV"
  /** Where it happens: the beginning of paths. */
  prefix: string
  /** Bytes that a process can write there before. */
  after?: number
  /** Files can't be made from then on either. */
  create?: boolean
  /** Only the operation of this number there fails, whatever it is. */
  at?: number
  /** Nothing fails, but that no times are kept, no links taken, nothing forced onto the disk, and no inode said to be free. */
  plain?: boolean
  /** Only moving something out of a work folder fails. */
  moves?: boolean
  /** A symbolic link's time is set of what it leads to. */
  follows?: boolean
}

/**
 * Storage that fails, for what is run with the environment that this gives: faulty-storage.c, compiled into `folder`. Nothing where
 * there is no C compiler, which continuous integration must have.
 */
export function compileFaultyStorage(folder: string): ((fault: Fault) => Record<string, string>) | undefined {
  if (process.platform !== "linux") return undefined
  const source = fileURLToPath(new URL("faulty-storage.c", import.meta.url))
  const library = join(folder, "faulty-storage.so")
  const compiled = spawnSync("cc", ["-shared", "-fPIC", "-O2", "-o", library, source, "-ldl"], { stdio: "inherit" })
  if (compiled.status !== 0 && process.env["CI"] !== undefined) throw new Error("there is no C compiler")
  if (compiled.status !== 0) return undefined
  return ({ error = "EIO", prefix, after = 0, create = false, at, plain = false, follows = false, moves = false }) => ({
    LD_PRELOAD: library,
    FAULTY_STORAGE_PREFIX: prefix,
    FAULTY_STORAGE_BYTES: String(after),
    FAULTY_STORAGE_ERROR: String(constants.errno[error]),
    ...(at === undefined ? {} : { FAULTY_STORAGE_AT: String(at) }),
    ...(plain ? { FAULTY_STORAGE_PLAIN: "1" } : {}),
    ...(follows ? { FAULTY_STORAGE_FOLLOWS: "1" } : {}),
    ...(moves ? { FAULTY_STORAGE_MOVES: "1" } : {}),
    ...(create ? { FAULTY_STORAGE_CREATE: "1" } : {}),
    // Else libuv could pass libc by.
    UV_USE_IO_URING: "0",
  })
}
