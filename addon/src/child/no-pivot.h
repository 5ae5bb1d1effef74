// --no-pivot: for a machine whose root is the initial ramfs, which pivot_root refuses. The root is only covered, so the
// host's procfs and sysfs must go: as long as one is mounted whole in the container's mount namespace, a user namespace
// made inside may mount it anew, without what is masked.
#pragma once

#include "child/context.h"

namespace tsc::child {

inline constexpr int kMaxHostFilesystems = 64;

struct HostFilesystems {
  int fds[kMaxHostFilesystems];
  int count;
};

/// Opens every procfs and sysfs of the mount namespace, before the container's own are mounted. Ends on failure.
void find_host_filesystems(Context& context, HostFilesystems& found);
/// Unmounts them, or covers those that a user namespace may not unmount.
void remove_host_filesystems(Context& context, const HostFilesystems& found);

}  // namespace tsc::child
