/** Linux's PATH_MAX: no file system call takes a longer one, and longer ones cost memory without bound. */
export const MAX_PATH = 4096
