/*
 * A preloaded library that makes storage far away: below SLOW_STORAGE_PREFIX each call that a network file system would
 * answer with a round trip takes SLOW_STORAGE_MICROSECONDS more. These are what changes names (create, mkdir, link,
 * rename, remove), what changes attributes (chmod, chown, utimes, truncate), fsync, and the close of a file that was
 * written, where NFS and Lustre flush. Reading, writing to the page cache and asking for attributes cost nothing extra,
 * as with attribute caches. Threads wait side by side.
 *
 *   cc -shared -fPIC -O2 -o slow-storage.so slow-storage.c -ldl
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
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FILES 65536

static const char *prefix;
static size_t prefix_length;
static struct timespec delay;
static atomic_bool opened_to_write[FILES];

__attribute__((constructor)) static void start(void) {
  const char *microseconds = getenv("SLOW_STORAGE_MICROSECONDS");
  long count = microseconds ? atol(microseconds) : 1000;
  delay.tv_sec = count / 1000000;
  delay.tv_nsec = (count % 1000000) * 1000;
  prefix = getenv("SLOW_STORAGE_PREFIX");
  prefix_length = prefix ? strlen(prefix) : 0;
}

static void wait_once(void) {
  int error = errno;
  nanosleep(&delay, NULL);
  errno = error;
}

static int is_below(const char *path) { return prefix_length > 0 && strncmp(path, prefix, prefix_length) == 0; }

/* Where PATH leads from an open folder, or from the working directory; NULL is the folder (or file) itself. */
static int is_slow(int folder, const char *path) {
  if (prefix_length == 0) return 0;
  if (path != NULL && path[0] == '/') return is_below(path);
  char link[64], target[8192];
  if (folder == AT_FDCWD) strcpy(link, "/proc/self/cwd");
  else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
  ssize_t length = readlink(link, target, 4096);
  if (length < 0) return 0;
  snprintf(target + length, sizeof target - length, "/%s", path ? path : "");
  return is_below(target);
}

static void *find(void **real, const char *name) {
  if (*real == NULL) *real = dlsym(RTLD_NEXT, name);
  return *real;
}

/* The next definition of this name: libc's. */
#define REAL(name) ((__typeof__(name) *)find(&real, #name))

static int opened(int file, int folder, const char *path, int flags) {
  if (file < 0 || (flags & (O_CREAT | O_TRUNC)) == 0 || !is_slow(folder, path)) return file;
  if (file < FILES) atomic_store(&opened_to_write[file], 1);
  wait_once();
  return file;
}

static mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | __O_TMPFILE)) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                                  \
  int name(const char *path, int flags, ...) {                      \
    static void *real;                                              \
    va_list arguments;                                              \
    va_start(arguments, flags);                                     \
    mode_t mode = mode_of(flags, arguments);                        \
    va_end(arguments);                                              \
    return opened(REAL(name)(path, flags, mode), AT_FDCWD, path, flags); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                \
  int name(int folder, const char *path, int flags, ...) {          \
    static void *real;                                              \
    va_list arguments;                                              \
    va_start(arguments, flags);                                     \
    mode_t mode = mode_of(flags, arguments);                        \
    va_end(arguments);                                              \
    return opened(REAL(name)(folder, path, flags, mode), folder, path, flags); \
  }
OPENAT(openat)
OPENAT(openat64)

#define CREAT(name)                                                 \
  int name(const char *path, mode_t mode) {                         \
    static void *real;                                              \
    return opened(REAL(name)(path, mode), AT_FDCWD, path, O_CREAT); \
  }
CREAT(creat)
CREAT(creat64)

int close(int file) {
  static void *real;
  if (file >= 0 && file < FILES && atomic_exchange(&opened_to_write[file], 0)) wait_once();
  return REAL(close)(file);
}

/* libuv closes files by number of the system call, past libc's close(). */
long syscall(long number, ...) {
  static void *real;
  va_list list;
  va_start(list, number);
  long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
  long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
  va_end(list);
  if (number == SYS_close && a >= 0 && a < FILES && atomic_exchange(&opened_to_write[a], 0)) wait_once();
  return REAL(syscall)(number, a, b, c, d, e, f);
}

/* A call on a path: PARAMETERS and ARGUMENTS as libc declares them, looked up from FOLDER at PATH. */
#define ON_PATH(name, parameters, arguments, folder, path) \
  int name parameters {                                    \
    static void *real;                                     \
    if (is_slow(folder, path)) wait_once();           \
    return REAL(name) arguments;                           \
  }
ON_PATH(mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
ON_PATH(mkdirat, (int folder, const char *path, mode_t mode), (folder, path, mode), folder, path)
ON_PATH(rmdir, (const char *path), (path), AT_FDCWD, path)
ON_PATH(unlink, (const char *path), (path), AT_FDCWD, path)
ON_PATH(unlinkat, (int folder, const char *path, int flags), (folder, path, flags), folder, path)
ON_PATH(rename, (const char *from, const char *to), (from, to), AT_FDCWD, to)
ON_PATH(renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), b, to)
ON_PATH(renameat2, (int a, const char *from, int b, const char *to, unsigned int flags), (a, from, b, to, flags), b, to)
ON_PATH(link, (const char *from, const char *to), (from, to), AT_FDCWD, to)
ON_PATH(linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags), b, to)
ON_PATH(symlink, (const char *target, const char *path), (target, path), AT_FDCWD, path)
ON_PATH(symlinkat, (const char *target, int folder, const char *path), (target, folder, path), folder, path)
ON_PATH(chmod, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
ON_PATH(fchmodat, (int folder, const char *path, mode_t mode, int flags), (folder, path, mode, flags), folder, path)
ON_PATH(chown, (const char *path, uid_t user, gid_t group), (path, user, group), AT_FDCWD, path)
ON_PATH(lchown, (const char *path, uid_t user, gid_t group), (path, user, group), AT_FDCWD, path)
ON_PATH(fchownat, (int folder, const char *path, uid_t user, gid_t group, int flags),
        (folder, path, user, group, flags), folder, path)
ON_PATH(utimensat, (int folder, const char *path, const struct timespec times[2], int flags),
        (folder, path, times, flags), folder, path)
ON_PATH(truncate, (const char *path, off_t length), (path, length), AT_FDCWD, path)
ON_PATH(truncate64, (const char *path, off64_t length), (path, length), AT_FDCWD, path)

/* A call on an open file. */
#define ON_FILE(name, parameters, arguments)                   \
  int name parameters {                                        \
    static void *real;                                         \
    if (is_slow(file, NULL)) wait_once();                      \
    return REAL(name) arguments;                               \
  }
ON_FILE(fchmod, (int file, mode_t mode), (file, mode))
ON_FILE(fchown, (int file, uid_t user, gid_t group), (file, user, group))
ON_FILE(futimens, (int file, const struct timespec times[2]), (file, times))
ON_FILE(ftruncate, (int file, off_t length), (file, length))
ON_FILE(ftruncate64, (int file, off64_t length), (file, length))
ON_FILE(fsync, (int file), (file))
ON_FILE(fdatasync, (int file), (file))
