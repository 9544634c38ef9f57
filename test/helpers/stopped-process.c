/*
 * Keeps a process stopped whatever it is sent, save for SIGKILL: SIGCONT does not continue what is traced.
 * Usage: stopped-process PID. Ends when the process does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>

int main(int argc, char **argv) {
  pid_t pid = argc > 1 ? (pid_t)atoi(argv[1]) : 0;
  int status;
  if (pid <= 0 || ptrace(PTRACE_ATTACH, pid, NULL, NULL) != 0) {
    perror("ptrace");
    return 1;
  }
  do {
    if (waitpid(pid, &status, __WALL) < 0) return 1;
    if (WIFSTOPPED(status)) {
      puts("stopped");
      fflush(stdout);
    }
  } while (WIFSTOPPED(status));
  return 0;
}
