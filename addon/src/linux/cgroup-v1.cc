// Control groups, version 1: which hierarchies, and the freezer. kernel: admin-guide/cgroup-v1
#include <fcntl.h>

#include "linux/cgroup-directory.h"
#include "linux/cgroup-versions.h"
#include "linux/error.h"
#include "linux/file.h"

namespace tsc::cgroup_v1 {
namespace {

constexpr int kFreezeTries = 500;

}  // namespace

bool is_wanted(const CgroupHierarchy& hierarchy, const oci::Resources& resources) {
  const auto has = [&hierarchy](const char* controller) { return has_word(hierarchy.controllers, controller); };
  // For figures, limits that may come later, pause, and killing everything.
  for (const char* always : {"memory", "cpu", "cpuacct", "pids", "freezer", "blkio"}) {
    if (has(always)) return true;
  }
  if (has("devices")) return !resources.devices.empty();
  if (has("cpuset")) return !resources.cpu.cpus.empty() || !resources.cpu.mems.empty();
  if (has("hugetlb")) return !resources.hugepage_limits.empty();
  if (has("rdma")) return !resources.rdma.empty();
  if (has("net_cls") && resources.network.class_id) return true;
  if (has("net_prio")) return !resources.network.priorities.empty();
  return false;
}

void initialize(const CgroupHierarchy& hierarchy, const std::string& path) {
  if (hierarchy.controllers.find("cpuset") == std::string::npos) return;
  // A new cpuset is empty, and no process may enter it before it has the parent's cpus and nodes.
  const std::string parent = path.substr(0, path.find_last_of('/'));
  for (const char* file : {"/cpuset.cpus", "/cpuset.mems"}) {
    std::string own, inherited;
    if (try_read_file(path + file, own) && own.size() > 1) continue;
    if (try_read_file(parent + file, inherited)) write_file("create cgroup", path + file, inherited);
  }
}

void freeze(const std::string& path, bool is_wanted_frozen) {
  const char* wanted = is_wanted_frozen ? "FROZEN" : "THAWED";
  const std::string file = path + "/freezer.state";
  for (int attempt = 0; attempt < kFreezeTries; ++attempt) {
    // FREEZING may hang on a process that forks: the kernel wants the word again.
    write_file("freeze cgroup", file, wanted);
    if (read_file("freeze cgroup", file).rfind(wanted, 0) == 0) return;
    pause_ms(attempt < 20 ? 1 : 10);
  }
  try_write_file(file, "THAWED");
  throw_errno(EBUSY, "freeze cgroup", "write", file);
}

bool is_frozen(const std::string& path) {
  std::string content;
  return try_read_file(path + "/freezer.state", content) && content.rfind("THAWED", 0) != 0;
}

}  // namespace tsc::cgroup_v1
