// Control groups of one container, whichever version the machine has. On a hybrid machine (controllers on v1, a cgroup2
// tree beside them at /sys/fs/cgroup/unified) the container has a group in each v1 hierarchy that it needs and one in
// the v2 tree, where the limits go whose controllers are there. cgroups(7)
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "linux/cgroup-system.h"
#include "linux/unique-fd.h"
#include "oci/config.h"
#include "runtime/runtime.h"

namespace tsc {

/// Where a container's groups are: absolute directories, by hierarchy name. On v2 the only key is "", on a hybrid
/// machine the group in the v2 tree is kUnifiedName.
struct CgroupLocation {
  static constexpr const char* kUnifiedName = "unified";

  int version = 1;
  std::map<std::string, std::string> paths;
  std::string unit;        // the systemd unit that they belong to; "" when we made them ourselves
  bool is_shared = false;  // others were in them before us: they are neither killed nor removed with the container

  bool exists() const { return !paths.empty() || !unit.empty(); }
  bool operator==(const CgroupLocation&) const = default;
  /// The directory that has this v1 controller; "" when the container has none.
  std::string find(const std::string& controller) const;
  /// The group in the v2 tree; "" when there is none.
  std::string unified() const;
};

struct CgroupRequest {
  /// As in config.json: absolute counts from the hierarchy's root, relative from this process's group (v2: from its
  /// parent, since processes may be in leaves only), "" means <id> there.
  std::string cgroups_path;
  std::string id;
  /// Where it is noted which parents were made, so that delete may remove them.
  std::string record_directory;
  /// The caller may have no right to a group: where none is asked for by its path, the container goes without.
  bool is_rootless = false;
};

/// Where create_cgroup() is going to put the groups, so that they can be recorded before they are there. What is there
/// already counts as shared.
CgroupLocation plan_cgroup(const CgroupRequest& request, const oci::Resources& resources);

/// Makes the groups (with missing parents) and writes the limits; undoes what it made when it throws.
CgroupLocation create_cgroup(const CgroupRequest& request, const oci::Resources& resources, Warnings& warnings);

/// Writes the limits; makes v1 groups that a limit needs and create had no use for, and moves the processes there. They
/// stand in `location` as soon as they are made, also when it throws; `record_directory` as in CgroupRequest, or "".
void apply_resources(CgroupLocation& location, const oci::Resources& resources, const std::string& record_directory,
                     Warnings& warnings);

/// Removes the groups; waits (bounded) for the kernel to forget ended processes. Throws when one stays, unless others
/// are in it.
void remove_cgroup(const CgroupLocation& location, const std::string& record_directory);

std::vector<pid_t> cgroup_pids(const CgroupLocation& location);
void signal_cgroup(const CgroupLocation& location, int signal);
/// Freezes or thaws and waits (bounded) until it is so.
void freeze_cgroup(const CgroupLocation& location, bool is_frozen);
bool is_cgroup_frozen(const CgroupLocation& location);
ContainerStats read_cgroup_stats(const CgroupLocation& location);
/// What only `events` tells beyond that: cpusets, huge pages, kernel memory.
ContainerDetails read_cgroup_details(const CgroupLocation& location);

UniqueFd open_cgroup_oom_events(const CgroupLocation& location);
/// Drains the fd. True when it told of a kill that `known_kills` does not count yet; v2 tells of many other things by it.
bool acknowledge_cgroup_oom(const CgroupLocation& location, int fd, std::uint64_t& known_kills);

}  // namespace tsc
