// Control groups of one container, whichever version the machine has. On a hybrid machine (controllers on v1, an empty
// cgroup2 at /sys/fs/cgroup/unified) the v1 hierarchies are used. cgroups(7)
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "linux/unique-fd.h"
#include "oci/config.h"
#include "runtime/runtime.h"

namespace tsc {

/// One mounted v1 hierarchy.
struct CgroupHierarchy {
  std::string name;         // directory below /sys/fs/cgroup: "cpu,cpuacct"
  std::string controllers;  // mount option: "cpu,cpuacct", "name=systemd"
  std::string mount_point;
  std::string own_path;  // where this process is in it: "/"
};

struct CgroupSystem {
  bool is_unified = false;
  std::string unified_mount_point;  // "" when there is no cgroup2 at all
  std::string unified_own_path;
  std::vector<CgroupHierarchy> hierarchies;
};

/// Read from /proc/self/{mountinfo,cgroup} once per process.
const CgroupSystem& cgroup_system();

/// Where a container's groups are: absolute directories, by hierarchy name; on v2 the only key is "".
struct CgroupLocation {
  int version = 1;
  std::map<std::string, std::string> paths;

  bool exists() const { return !paths.empty(); }
  /// The directory that has this v1 controller; "" when the container has none.
  std::string find(const std::string& controller) const;
};

/// Makes the groups (with missing parents) and writes the limits; undoes what it made when it throws.
/// `cgroups_path` as in config.json: absolute counts from the hierarchy's root, relative from this process's group,
/// "" means <own group>/<id>. `record_directory`: notes which parents were made, so that delete may remove them.
CgroupLocation create_cgroup(const std::string& cgroups_path, const std::string& id, const oci::Resources& resources,
                             const std::string& record_directory);

void apply_resources(CgroupLocation& location, const oci::Resources& resources);

/// Removes the groups; waits (bounded) for the kernel to forget ended processes. Throws when one stays.
void remove_cgroup(const CgroupLocation& location, const std::string& record_directory);

std::vector<pid_t> cgroup_pids(const CgroupLocation& location);
void signal_cgroup(const CgroupLocation& location, int signal);
/// Freezes or thaws and waits (bounded) until it is so.
void freeze_cgroup(const CgroupLocation& location, bool is_frozen);
bool is_cgroup_frozen(const CgroupLocation& location);
ContainerStats read_cgroup_stats(const CgroupLocation& location);

UniqueFd open_cgroup_oom_events(const CgroupLocation& location);
bool acknowledge_cgroup_oom(const CgroupLocation& location, int fd);

}  // namespace tsc
