import type { Symlink } from "./make-symlinks.ts"

interface Directory {
  kind: "directory"
  mtime: Date | undefined
}

/** What was written under a name. A file, of which there may be very many, is the number that `WrittenFiles` knows it by. */
export type TreeEntry = number | Directory | Symlink

export function isDirectory(entry: TreeEntry | undefined): entry is Directory {
  return typeof entry === "object" && entry.kind === "directory"
}

/** Permissions come from the umask; of the archive's only the execute bits are taken, never setuid, setgid or sticky. */
export function fileMode(declared: number | undefined): number {
  return 0o666 | ((declared ?? 0) & 0o111)
}
