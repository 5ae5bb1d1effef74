// Devices and console: see the header.
#include "child/devices.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "child/mounts.h"

namespace tsc::child {
namespace {

void bind_device(Context& context, int root_fd, const Device& device) {
  const char* path = device.path.get();
  const int target_fd = make_target(root_fd, path, false, RESOLVE_NO_SYMLINKS);
  if (target_fd < 0) fail(context, "openat2", path);
  if (move_mount(device.tree_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
    fail(context, "move_mount", path);
  }
  close(target_fd);
}

void make_device(Context& context, int root_fd, const Device& device) {
  const char* path = device.path.get();
  const char* name;
  const int parent_fd = make_parent(root_fd, path, &name);
  if (parent_fd < 0) fail(context, "openat2", path);
  const dev_t number = makedev(device.major, device.minor);
  if (mknodat(parent_fd, name, device.mode, number) != 0) {
    // The same node twice is no error: config.json may name a default device. Another node of that name is.
    struct stat found;
    if (errno != EEXIST || fstatat(parent_fd, name, &found, AT_SYMLINK_NOFOLLOW) != 0) fail(context, "mknodat", path);
    if ((found.st_mode & S_IFMT) != (device.mode & S_IFMT) || found.st_rdev != number) {
      errno = EEXIST;
      fail(context, "mknodat", path);
    }
  }
  if ((device.uid | device.gid) != 0 && fchownat(parent_fd, name, device.uid, device.gid, AT_SYMLINK_NOFOLLOW) != 0) {
    fail(context, "fchownat", path);
  }
  close(parent_fd);
}

}  // namespace

void make_devices(Context& context, int root_fd) {
  for (const Device& device : context.plan->devices) {
    if (device.tree_fd >= 0) {
      bind_device(context, root_fd, device);
    } else {
      make_device(context, root_fd, device);
    }
  }
}

void make_links(Context& context, int root_fd) {
  for (const Link& link : context.plan->links) {
    const char* name;
    const int parent_fd = make_parent(root_fd, link.path.get(), &name);
    if (parent_fd < 0) fail(context, "openat2", link.path.get());
    if (symlinkat(link.target.get(), parent_fd, name) != 0 && errno != EEXIST) {
      fail(context, "symlinkat", link.path.get());
    }
    close(parent_fd);
  }
}

namespace {

void check_devpts(Context& context, int fd, const char* path) {
  struct statfs found;
  if (fstatfs(fd, &found) != 0) fail(context, "fstatfs", path);
  if (found.f_type == DEVPTS_SUPER_MAGIC) return;
  errno = EXDEV;
  fail(context, "fstatfs", path);
}

}  // namespace

int open_console(Context& context, int root_fd, int devpts_fd, bool binds_console) {
  const int base_fd =
      devpts_fd >= 0 ? devpts_fd : open_in_root(root_fd, "/dev/pts", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
  if (base_fd < 0) fail(context, "openat2", "/dev/pts");
  check_devpts(context, base_fd, "/dev/pts");
  open_how how;
  memset(&how, 0, sizeof how);
  how.flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
  // Nothing that was mounted over the file: opening a device of somebody's choice can do harm by itself.
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS;
  const int master_fd = static_cast<int>(syscall(SYS_openat2, base_fd, "ptmx", &how, sizeof how));
  if (master_fd < 0) fail(context, "openat2", "/dev/pts/ptmx");
  check_devpts(context, master_fd, "/dev/pts/ptmx");
  int unlocked = 0;
  if (ioctl(master_fd, TIOCSPTLCK, &unlocked) != 0) fail(context, "ioctl", "TIOCSPTLCK");
  // TIOCGPTPEER and not /dev/pts/N: a name can be swapped under us (CVE-2025-52565). Kernel 4.13.
  const int terminal_fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (terminal_fd < 0) fail(context, "ioctl", "TIOCGPTPEER");
  const Process& process = context.plan->process;
  if (process.console_rows != 0 && process.console_columns != 0) {
    winsize size = {process.console_rows, process.console_columns, 0, 0};
    if (ioctl(master_fd, TIOCSWINSZ, &size) != 0) fail(context, "ioctl", "TIOCSWINSZ");
  }
  if (fchown(terminal_fd, process.uid, static_cast<gid_t>(-1)) != 0) fail(context, "fchown", "/dev/console");
  if (binds_console) {
    const int target_fd = make_target(root_fd, "/dev/console", false, RESOLVE_NO_SYMLINKS);
    if (target_fd < 0) fail(context, "openat2", "/dev/console");
    const int tree_fd = open_tree(terminal_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree_fd < 0) fail(context, "open_tree", "/dev/console");
    if (move_mount(tree_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
      fail(context, "move_mount", "/dev/console");
    }
    close(tree_fd);
    close(target_fd);
  }
  context.report.kind = ReportKind::console;
  if (!send_report_with_fd(context.sync_fd, context.report, master_fd)) fail(context, "sendmsg", "console");
  context.report.kind = ReportKind::none;
  close(master_fd);
  if (devpts_fd < 0) close(base_fd);
  return terminal_fd;
}

void adopt_console(Context& context, int terminal_fd) {
  if (ioctl(terminal_fd, TIOCSCTTY, 0) != 0) fail(context, "ioctl", "TIOCSCTTY");
  for (int fd = 0; fd < 3; ++fd) {
    if (dup2(terminal_fd, fd) < 0) fail(context, "dup2", "console");
  }
  close(terminal_fd);
}

}  // namespace tsc::child
