// Mounts in the caller's own mount namespace: what a snapshotter's answer (containerd.types.Mount) becomes on the host.
// The container's root filesystem does not come through here: the runtime mounts it inside.
#pragma once

#include <string>
#include <vector>

#include "linux/unique-fd.h"

namespace tsc {

struct HostMount {
  std::string type;
  std::string source;
  std::vector<std::string> options;  // mount(8) words, or the file system's own
};

/// Mounts each in order at `target`; undoes its own on an error. Propagation of the new mounts is private.
void mount_all(const std::vector<HostMount>& mounts, const std::string& target);

/// The mount at no place, reached by its fd alone; it goes with the last fd (Linux 5.2).
UniqueFd mount_detached(const HostMount& mount);

/// Lazily unmounts all that is mounted at `target` (MNT_DETACH). No error when nothing is.
void unmount_all(const std::string& target);

/// Mount points at or below `path`, in the order of /proc/self/mountinfo: a parent before what is mounted on it.
std::vector<std::string> list_mounts_below(const std::string& path);

/// Unmounts them, the latest first, and returns them.
std::vector<std::string> unmount_below(const std::string& path);

}  // namespace tsc
