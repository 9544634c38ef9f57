/*
 * A preloaded library whose storage fails: below FAULTY_STORAGE_PREFIX, after FAULTY_STORAGE_BYTES were written there by
 * this process, each further write fails with the error number FAULTY_STORAGE_ERROR, and so does each file that would be
 * made, where FAULTY_STORAGE_CREATE is set. Where FAULTY_STORAGE_AT is, only the operation of that number there fails, of this process:
 * writing, opening, closing, fsync, making and removing files and folders, renaming.
 *
 * Where FAULTY_STORAGE_PLAIN is, all is well but that no times are kept, no links taken and nothing forced onto the disk, and that no
 * inode is said to be free, as on FAT and much of FUSE (EIO for a hard link and the inodes: rclone).
 *
 * Where FAULTY_STORAGE_MOVES is, only that fails which moves something out of a work folder.
 *
 * Where FAULTY_STORAGE_FOLLOWS is, a symbolic link's time is set of what it leads to, as with sshfs.
 *
 *   cc -shared -fPIC -O2 -o faulty-storage.so faulty-storage.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *prefix;
static size_t prefix_length;
static long limit;
static int number;
static int create;
static long at;
static int plain;
static int follows;
static int moves;
static atomic_long operations;
static atomic_long written;

__attribute__((constructor)) static void start(void) {
  prefix = getenv("FAULTY_STORAGE_PREFIX");
  prefix_length = prefix ? strlen(prefix) : 0;
  limit = atol(getenv("FAULTY_STORAGE_BYTES") ? getenv("FAULTY_STORAGE_BYTES") : "0");
  number = atoi(getenv("FAULTY_STORAGE_ERROR") ? getenv("FAULTY_STORAGE_ERROR") : "5");
  create = getenv("FAULTY_STORAGE_CREATE") != NULL;
  plain = getenv("FAULTY_STORAGE_PLAIN") != NULL;
  follows = getenv("FAULTY_STORAGE_FOLLOWS") != NULL;
  moves = getenv("FAULTY_STORAGE_MOVES") != NULL;
  at = atol(getenv("FAULTY_STORAGE_AT") ? getenv("FAULTY_STORAGE_AT") : "0");
}

static int is_below(const char *path) { return prefix_length > 0 && strncmp(path, prefix, prefix_length) == 0; }

static int is_file_below(int file) {
  char link[64], target[4096];
  if (prefix_length == 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, target, sizeof target - 1);
  if (length < 0) return 0;
  target[length] = 0;
  return is_below(target);
}

/* Whether this is the one that fails. */
static int is_the_one(void) {
  if (at == 0 || atomic_fetch_add(&operations, 1) + 1 != at) return 0;
  errno = number;
  return 1;
}

static int fails_with(int file) { return at > 0 && is_file_below(file) && is_the_one(); }
static int fails_at(const char *path) { return at > 0 && is_below(path) && is_the_one(); }

/* Whether BYTES more may not be written there. */
static int fails(int file, ssize_t bytes) {
  if (plain || moves || !is_file_below(file)) return 0;
  if (at > 0) return is_the_one();
  if (atomic_fetch_add(&written, bytes) + bytes <= limit) return 0;
  errno = number;
  return 1;
}

static ssize_t length_of(const struct iovec *parts, int count) {
  ssize_t length = 0;
  for (int at = 0; at < count; at++) length += parts[at].iov_len;
  return length;
}

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *data, size_t bytes) {
  return fails(file, bytes) ? -1 : REAL(write)(file, data, bytes);
}
ssize_t pwrite(int file, const void *data, size_t bytes, off_t at) {
  return fails(file, bytes) ? -1 : REAL(pwrite)(file, data, bytes, at);
}
ssize_t pwrite64(int file, const void *data, size_t bytes, off64_t at) {
  return fails(file, bytes) ? -1 : REAL(pwrite64)(file, data, bytes, at);
}
ssize_t writev(int file, const struct iovec *parts, int count) {
  return fails(file, length_of(parts, count)) ? -1 : REAL(writev)(file, parts, count);
}
ssize_t pwritev(int file, const struct iovec *parts, int count, off_t at) {
  return fails(file, length_of(parts, count)) ? -1 : REAL(pwritev)(file, parts, count, at);
}
ssize_t pwritev64(int file, const struct iovec *parts, int count, off64_t at) {
  return fails(file, length_of(parts, count)) ? -1 : REAL(pwritev64)(file, parts, count, at);
}

static int cannot_sync(int file) {
  if (!plain || !is_file_below(file)) return 0;
  errno = EINVAL;
  return 1;
}
int fsync(int file) { return cannot_sync(file) || fails_with(file) ? -1 : REAL(fsync)(file); }
int fdatasync(int file) { return cannot_sync(file) || fails_with(file) ? -1 : REAL(fdatasync)(file); }
int mkdir(const char *path, mode_t mode) { return fails_at(path) ? -1 : REAL(mkdir)(path, mode); }
int rmdir(const char *path) { return fails_at(path) ? -1 : REAL(rmdir)(path); }
int unlink(const char *path) { return fails_at(path) ? -1 : REAL(unlink)(path); }
int link(const char *from, const char *to) {
  if (plain && is_below(to)) {
    errno = EIO;
    return -1;
  }
  return fails_at(to) ? -1 : REAL(link)(from, to);
}

int statfs(const char *path, struct statfs *space) {
  int failed = REAL(statfs)(path, space);
  if (plain && failed == 0 && is_below(path)) space->f_ffree = 0;
  return failed;
}
int statfs64(const char *path, struct statfs64 *space) {
  int failed = REAL(statfs64)(path, space);
  if (plain && failed == 0 && is_below(path)) space->f_ffree = 0;
  return failed;
}

static int refuses(int below) {
  if (!plain || !below) return 0;
  errno = EPERM;
  return 1;
}
int symlink(const char *target, const char *path) {
  return refuses(is_below(path)) || fails_at(path) ? -1 : REAL(symlink)(target, path);
}
int futimens(int file, const struct timespec times[2]) {
  return refuses(is_file_below(file)) ? -1 : REAL(futimens)(file, times);
}
int utimensat(int folder, const char *path, const struct timespec times[2], int flags) {
  int below = path != NULL && is_below(path);
  if (follows && below) flags &= ~AT_SYMLINK_NOFOLLOW;
  return refuses(below) ? -1 : REAL(utimensat)(folder, path, times, flags);
}

/* Whether it leads out of a work folder, to where it is to stay. */
static int is_move(const char *from, const char *to) {
  if (!moves || !is_below(to) || strstr(from, ".work/") == NULL || strstr(to, ".work/") != NULL) return 0;
  errno = number;
  return 1;
}
int rename(const char *from, const char *to) {
  return is_move(from, to) || fails_at(to) ? -1 : REAL(rename)(from, to);
}
/* The file is closed all the same. */
int close(int file) {
  int failing = fails_with(file);
  int closed = REAL(close)(file);
  if (!failing) return closed;
  errno = number;
  return -1;
}

static int may_not_make(const char *path, int flags) {
  if (at > 0) return fails_at(path);
  if (!create || (flags & O_CREAT) == 0 || !is_below(path) || atomic_load(&written) < limit) return 0;
  errno = number;
  return 1;
}

#define OPEN(name)                                                                  \
  int name(const char *path, int flags, ...) {                                      \
    mode_t mode = 0;                                                                \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                          \
      va_list arguments;                                                            \
      va_start(arguments, flags);                                                   \
      mode = va_arg(arguments, mode_t);                                             \
      va_end(arguments);                                                            \
    }                                                                               \
    return may_not_make(path, flags) ? -1 : REAL(name)(path, flags, mode);          \
  }
OPEN(open)
OPEN(open64)
