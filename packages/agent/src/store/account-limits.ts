/** What to do where a machine starts no more threads or processes for the account. */
export const MORE_PROCESSES =
  "see what `ulimit -u` prints, and what else of yours runs there (ps); have its administrators raise it, or choose another machine"

/** What to do where it opens no more files for a process. */
export const MORE_FILES = "raise the limit with `ulimit -n`"
