// Trees of mounts from outside: see the header.
#include "child/trees.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "child/mounts.h"

namespace tsc::child {

bool prepare_trees(Context& context) {
  Plan& plan = *context.plan;
  if (plan.kind != Kind::init) return true;
  begin_step(context, Step::prepare_rootfs);
  if (!prepare_mount(context, plan.rootfs)) return false;
  std::uint16_t index = 0;
  for (Mount& mount : plan.mounts) {
    if (mount.kind == MountKind::bind) {
      begin_step(context, Step::prepare_binds, index);
      if (!prepare_mount(context, mount)) return false;
    }
    ++index;
  }
  if (!plan.binds_devices) return true;
  for (Device& device : plan.devices) {
    if (!device.is_bound) continue;
    device.tree_fd = open_tree(AT_FDCWD, device.path.get(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (device.tree_fd >= 0) continue;
    record_failure(context, "open_tree", device.path.get());
    return false;
  }
  return true;
}

void close_trees(Plan& plan) {
  if (plan.kind != Kind::init) return;
  if (plan.rootfs.tree_fd >= 0) close(plan.rootfs.tree_fd);
  for (Mount& mount : plan.mounts) {
    if (mount.tree_fd >= 0) close(mount.tree_fd);
  }
  if (!plan.binds_devices) return;
  for (Device& device : plan.devices) {
    if (device.tree_fd >= 0) close(device.tree_fd);
  }
}

int take_root(Plan& plan) {
  if (plan.kind != Kind::init || plan.rootfs.kind != MountKind::prepared) return -1;
  const int fd = plan.rootfs.tree_fd;
  plan.rootfs.tree_fd = -1;
  return fd;
}

}  // namespace tsc::child
