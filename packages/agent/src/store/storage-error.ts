import { readlinkSync, statfsSync } from "node:fs"
import { basename, dirname } from "node:path"
import { DatamaestroError, type ErrorCode } from "@datamaestro/protocol"
import { MORE_FILES, MORE_PROCESSES } from "./account-limits.ts"
import { errnoName } from "./errno-name.ts"

interface Explanation {
  code: ErrorCode
  reason: string
  hint: string
}

/** What a FUSE file system answers whose program has ended, Lustre where it was put out, and CIFS without its server. */
const NOT_CONNECTED: Explanation = {
  code: "STORAGE_FAILED",
  reason: "its storage is not connected any more",
  hint: "mount it again, or tell the administrators of this machine",
}

/** By Node's own code for it: in its message there is the system's. */
const NO_THREADS: Explanation = {
  code: "STORAGE_FAILED",
  reason: "this machine starts no more threads or processes for your account",
  hint: MORE_PROCESSES,
}

const EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  ENOSPC: {
    code: "NO_SPACE",
    reason: "no space left on the device",
    hint: "free some space, or choose another place with --data; what was downloaded is kept and will be continued",
  },
  EDQUOT: {
    code: "NO_SPACE",
    reason: "your disk quota is used up",
    hint: "free some of your quota, or choose another place with --data; what was downloaded is kept and will be continued",
  },
  EACCES: {
    code: "PERMISSION_DENIED",
    reason: "permission denied",
    hint: "check the owner and the permissions of this path, or choose another place with --data",
  },
  EPERM: {
    code: "PERMISSION_DENIED",
    reason: "operation not permitted",
    // Permissions are EACCES: this is said whatever they are.
    hint: "see whose it is, and whether it is protected (`lsattr`, a sticky folder, the privacy settings of macOS); mounts of object stores and the like say so of what they can't do: choose another place with --data then",
  },
  EROFS: {
    code: "READ_ONLY",
    reason: "the file system is read-only",
    hint: "choose another place with --data; some clusters mount data directories read-only on compute nodes",
  },
  EIO: {
    code: "STORAGE_FAILED",
    reason: "the storage reported an input/output error",
    hint: "try again; if it stays, tell the administrators of this machine",
  },
  EMFILE: {
    code: "STORAGE_FAILED",
    reason: "too many open files",
    hint: MORE_FILES,
  },
  ERR_WORKER_INIT_FAILED: NO_THREADS,
  ENFILE: {
    code: "STORAGE_FAILED",
    reason: "too many files are open on this machine",
    hint: "try again; if it stays, tell the administrators of this machine",
  },
  ENOTDIR: {
    code: "STORAGE_FAILED",
    reason: "a part of the path is a file, not a folder",
    hint: "move that file away, or choose another place with --data",
  },
  ENOTFILE: {
    code: "STORAGE_FAILED",
    reason: "it is no file, but a folder, a pipe or a device",
    hint: "move it away, or choose another place with --data",
  },
  EISDIR: {
    code: "STORAGE_FAILED",
    reason: "a folder has the place of a file",
    hint: "move that folder away, or choose another place with --data",
  },
  ELOOP: {
    code: "STORAGE_FAILED",
    reason: "symbolic links lead in a circle",
    hint: "look at the links along this path, or choose another place with --data",
  },
  EFBIG: {
    code: "STORAGE_FAILED",
    reason: "files may not become that large",
    hint: "raise the limit with `ulimit -f`, or choose another place with --data",
  },
  ESTALE: {
    code: "STORAGE_FAILED",
    reason: "the network file system no longer knows it",
    hint: "try again; if it stays, tell the administrators of this machine",
  },
  ENOTCONN: NOT_CONNECTED,
  ESHUTDOWN: NOT_CONNECTED,
  EHOSTDOWN: NOT_CONNECTED,
  EBUSY: {
    code: "STORAGE_FAILED",
    reason: "it is in use, as a place is where something is mounted",
    hint: "unmount what is there, or choose another place with --data",
  },
  ENAMETOOLONG: {
    code: "STORAGE_FAILED",
    reason: "the name is too long for this file system",
    hint: "choose a shorter data directory with --data",
  },
}

/** What is no trouble elsewhere, when a folder could not be made. */
const MKDIR_EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  ENOENT: {
    code: "STORAGE_FAILED",
    reason: "no folder can be made there",
    hint: "check the spelling of this path, or choose another place with --data",
  },
  EEXIST: {
    code: "STORAGE_FAILED",
    reason: "a file has its name",
    hint: "move that file away, or choose another place with --data",
  },
}

/** Where a link can't be made: EPERM is what Linux says of FAT and the like (symlink(2)). */
const NO_SYMLINKS: Explanation = {
  code: "STORAGE_FAILED",
  reason: "this file system takes no symbolic links",
  hint: "choose a place on another file system with --data",
}
const SYMLINK_EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  EPERM: NO_SYMLINKS,
  ENOSYS: NO_SYMLINKS,
  ENOTSUP: NO_SYMLINKS,
  EOPNOTSUPP: NO_SYMLINKS,
  // rclone's mounts.
  EIO: {
    ...NO_SYMLINKS,
    reason:
      "the storage reported an input/output error where a symbolic link was to be made, as some without such links do",
  },
}

/** Object stores' mounts say so for a while of what is gone; elsewhere another program has put something there. */
const NAME_TAKEN: Explanation = {
  code: "STORAGE_FAILED",
  reason: "the storage says that its new name is taken",
  hint: "see what has that name, and move it away if you don't need it, or just try again: mounts of object stores need a moment; if it stays, choose a place on another file system with --data",
}
const RENAME_EXPLANATIONS: Readonly<Record<string, Explanation>> = {
  EEXIST: NAME_TAKEN,
  ENOTEMPTY: NAME_TAKEN,
  EXDEV: {
    code: "STORAGE_FAILED",
    reason: "a part of the path lies on another file system, or counts for another quota",
    hint: "see what is mounted or linked along this path: a dataset's folder has to lie on one file system; or choose another place with --data",
  },
}

/** NFS keeps what is still open in another name (`.nfs…`) until it is closed. */
const NOT_EMPTY: Explanation = {
  code: "STORAGE_FAILED",
  reason: "the storage says that the folder is not empty",
  hint: "try again: another program may have a file in it open, or mounts of object stores need a moment; if it stays, remove the folder by hand",
}

const BY_CALL: Readonly<Record<string, Readonly<Record<string, Explanation>>>> = {
  mkdir: { ...EXPLANATIONS, ...MKDIR_EXPLANATIONS },
  symlink: { ...EXPLANATIONS, ...SYMLINK_EXPLANATIONS },
  rename: { ...EXPLANATIONS, ...RENAME_EXPLANATIONS },
  rmdir: { ...EXPLANATIONS, EEXIST: NOT_EMPTY, ENOTEMPTY: NOT_EMPTY },
}

/** What takes an inode. When it has no space although there are bytes, files are what there are too many of. */
const MAKES_AN_INODE = new Set(["open", "mkdir", "symlink"])
/** What makes a name. */
const GIVES_A_NAME = new Set([...MAKES_AN_INODE, "link", "rename"])
/** NAME_MAX of ext4, XFS, Lustre, APFS. */
const MOST_NAME_BYTES = 255
const SOME_BYTES = 1024 * 1024

const NO_INODES: Explanation = {
  code: "NO_SPACE",
  reason: "the file system takes no more files, though it has bytes left (it is out of inodes)",
  hint: "remove files that you don't need (`df -i` counts them), or choose another place with --data; what was downloaded is kept and will be continued",
}

const QUOTA_OF_EITHER: Explanation = {
  code: "NO_SPACE",
  reason: "your disk quota is used up, of space or of files (inodes)",
  hint: "`quota`, or `lfs quota`, shows which: remove files that you don't need, or choose another place with --data; what was downloaded is kept and will be continued",
}

/**
 * An error of the file system, told so that a person can act; anything else is returned as it is. To be called before
 * anything is tidied up: it looks at what is full.
 *
 * @param doing what was tried, to follow "Cannot": `write "/data/x"`
 */
export function storageError(error: unknown, doing: string): unknown {
  if (!(error instanceof Error) || error instanceof DatamaestroError) return error
  const { path, syscall } = error as NodeJS.ErrnoException
  const errno = errnoName(error)
  const explanations = BY_CALL[syscall ?? ""] ?? EXPLANATIONS
  const explanation =
    fullOfFiles(error) ??
    longName(error) ??
    refusedName(error) ??
    brokenLink(error) ??
    takenByUmask(error) ??
    (errno === undefined ? undefined : explanations[errno]) ??
    notAble(error)
  if (explanation === undefined) return error
  return new DatamaestroError(explanation.code, `Cannot ${doing}: ${explanation.reason}`, {
    hint: explanation.hint,
    details: { errno, ...(path === undefined ? {} : { path }), ...(syscall === undefined ? {} : { syscall }) },
    cause: error,
  })
}

/** No other data directory helps where it is not the path that is too long. */
function longName(error: NodeJS.ErrnoException): Explanation | undefined {
  if (errnoName(error) !== "ENAMETOOLONG") return undefined
  const name = error.path?.split(/[/\\]/).find((part) => Buffer.byteLength(part) > MOST_NAME_BYTES)
  if (name === undefined) return undefined
  return {
    code: "STORAGE_FAILED",
    reason: `the name "${name.slice(0, 40)}…" has ${Buffer.byteLength(name)} bytes, most file systems take ${MOST_NAME_BYTES}`,
    hint: "tell the author of the dataset",
  }
}

/** Names that Linux takes are none to what Windows may read: NTFS, exFAT, shared folders of virtual machines. */
function refusedName(error: NodeJS.ErrnoException & { dest?: string }): Explanation | undefined {
  const path = error.dest ?? error.path
  if (path === undefined || !GIVES_A_NAME.has(error.syscall ?? "")) return undefined
  if (!["EINVAL", "EILSEQ"].includes(errnoName(error) ?? "")) return undefined
  return {
    code: "STORAGE_FAILED",
    reason: `this file system takes no ${JSON.stringify(basename(path))} as a name`,
    hint: "choose a place on another file system with --data",
  }
}

/** Mounts of object stores, most of which rename no folder. */
function notAble(error: NodeJS.ErrnoException): Explanation | undefined {
  const { syscall } = error
  if (syscall === undefined || !["ENOSYS", "ENOTSUP", "EOPNOTSUPP"].includes(errnoName(error) ?? "")) return undefined
  return {
    code: "STORAGE_FAILED",
    reason: `this file system can't do that (${syscall})`,
    hint: "choose a place on another file system with --data",
  }
}

/** A data directory is often a link to storage that is purged, or not mounted on every machine. */
function brokenLink({ code, path, syscall }: NodeJS.ErrnoException): Explanation | undefined {
  if (code !== "EEXIST" || syscall !== "mkdir" || path === undefined) return undefined
  try {
    const reason = `"${path}" is a link to "${readlinkSync(path)}", which is no folder, or not there`
    return { code: "STORAGE_FAILED", reason, hint: "make that folder, or choose another place with --data" }
  } catch {
    return undefined
  }
}

/** Start-up files may set one that takes from the account itself what it makes: none of it can be opened then. */
function takenByUmask(error: NodeJS.ErrnoException): Explanation | undefined {
  const umask = process.umask()
  if (errnoName(error) !== "EACCES" || (umask & 0o700) === 0) return undefined
  return {
    code: "PERMISSION_DENIED",
    reason: `permission denied; your umask (${umask.toString(8)}) takes from you, too, what is made`,
    hint: "set another one in the start-up files there (umask 022), and give yourself back what has been made: chmod -R u+rwX",
  }
}

/** For what is full in another way than of bytes. */
function fullOfFiles(error: NodeJS.ErrnoException): Explanation | undefined {
  const { path, syscall } = error
  const code = errnoName(error)
  if (path === undefined || syscall === undefined || !MAKES_AN_INODE.has(syscall)) return undefined
  if (code === "EDQUOT") return QUOTA_OF_EITHER
  return code === "ENOSPC" && availableBytes(path) >= SOME_BYTES ? NO_INODES : undefined
}

function availableBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  } catch (error) {
    const parent = dirname(path)
    return (error as NodeJS.ErrnoException).code === "ENOENT" && parent !== path ? availableBytes(parent) : 0
  }
}
