import { statfs } from "node:fs/promises"

/** `f_type` of statfs(2) of file systems that one machine has for itself. */
const LOCAL = new Set([
  0xef53, // ext2 to ext4
  0x58465342, // XFS
  0x9123683e, // Btrfs
  0x2fc12fc1, // ZFS
  0xf2f52010, // F2FS
  0x01021994, // tmpfs
  0x794c7630, // overlayfs
])

const known = new Map<string, Promise<boolean>>()

/**
 * Whether other machines may see this folder, which is so unless its file system is known to be local: there a lock or
 * heartbeat must be pushed to the server to be seen, while on a local disk that costs a journal commit and gains nothing.
 */
export function isSharedStorage(folder: string): Promise<boolean> {
  let shared = known.get(folder)
  if (shared === undefined) {
    shared = statfs(folder).then(
      ({ type }) => !LOCAL.has(type),
      () => true,
    )
    // Overlays and mounts don't change below a running process; the folders asked for are few, but not without end.
    if (known.size > 1000) known.clear()
    known.set(folder, shared)
  }
  return shared
}
