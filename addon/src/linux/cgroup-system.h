// Which control groups this machine has and where this process is in them. Read by cgroup.cc and by the plans of
// mounts.
#pragma once

#include <string>
#include <vector>

namespace tsc {

/// One mounted v1 hierarchy.
struct CgroupHierarchy {
  std::string name;         // directory below /sys/fs/cgroup: "cpu,cpuacct"
  std::string controllers;  // mount option: "cpu,cpuacct", "name=systemd"
  std::string mount_point;
  std::string own_path;  // where this process is in it: "/"
};

struct CgroupSystem {
  bool is_unified = false;          // v2 alone; otherwise v1, with or without a v2 tree beside it (hybrid)
  std::string unified_mount_point;  // "" when there is no cgroup2 at all
  std::string unified_own_path;
  std::vector<CgroupHierarchy> hierarchies;

  bool is_hybrid() const { return !is_unified && !unified_mount_point.empty(); }
  bool has_hierarchy(const std::string& controller) const;
  /// Whether the v2 tree has it; what is not there is on v1 or nowhere. Reads a file.
  bool has_unified(const std::string& controller) const;
};

/// Read from /proc/self/{mountinfo,cgroup} once per process.
const CgroupSystem& cgroup_system();

/// "cpu,cpuacct" holds "cpu".
bool has_word(const std::string& list, const std::string& word);
std::vector<std::string> split(const std::string& text, char separator);

}  // namespace tsc
