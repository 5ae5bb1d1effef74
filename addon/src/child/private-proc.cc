// The private procfs: see the header.
#include "child/private-proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace tsc::child {

int open_private_proc(Context& context) {
  const int filesystem_fd = fsopen("proc", FSOPEN_CLOEXEC);
  if (filesystem_fd < 0) fail(context, "fsopen", "proc");
  if (fsconfig(filesystem_fd, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) fail(context, "fsconfig", "proc");
  const int proc_fd = fsmount(filesystem_fd, FSMOUNT_CLOEXEC, 0);
  if (proc_fd < 0) fail(context, "fsmount", "proc");
  close(filesystem_fd);
  return proc_fd;
}

void write_private_proc(Context& context, int proc_fd, const char* path, const char* text) {
  open_how how;
  memset(&how, 0, sizeof how);
  how.flags = O_WRONLY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
  const int fd = static_cast<int>(syscall(SYS_openat2, proc_fd, path, &how, sizeof how));
  if (fd < 0) fail(context, "openat2", path);
  struct statfs found;
  if (fstatfs(fd, &found) != 0 || found.f_type != PROC_SUPER_MAGIC) {
    errno = EXDEV;
    fail(context, "fstatfs", path);
  }
  if (write_retry(fd, text, strlen(text)) < 0) fail(context, "write", path);
  close(fd);
}

}  // namespace tsc::child
