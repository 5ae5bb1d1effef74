// A root that is mounted nowhere: see the header.
#include "child/detached-root.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

namespace tsc::child {

void leave_building(Context& context) {
  const int namespace_fd = context.plan->mount_namespace_fd;
  if (namespace_fd < 0) return;
  begin_step(context, Step::enter_mount_namespace);
  // A clone is in no namespace: it outlives the one it was built in, and goes with the last process that is rooted here.
  const int tree_fd = open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  if (tree_fd < 0) fail(context, "open_tree", "/");
  if (setns(namespace_fd, CLONE_NEWNS) != 0) fail(context, "setns", "mount");
  if (fchdir(tree_fd) != 0) fail(context, "fchdir", "/");
  if (chroot(".") != 0) fail(context, "chroot", "/");
}

void enter_foreign_root(Context& context) {
  const int root_fd = context.plan->root_fd;
  if (root_fd < 0) return;
  begin_step(context, Step::enter_mount_namespace);
  if (fchdir(root_fd) != 0) fail(context, "fchdir", "/");
  if (chroot(".") != 0) fail(context, "chroot", "/");
}

}  // namespace tsc::child
