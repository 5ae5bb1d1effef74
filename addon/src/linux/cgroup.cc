// Control groups: see the header.
#include "linux/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include <set>

#include "linux/cgroup-directory.h"
#include "linux/cgroup-versions.h"
#include "linux/error.h"
#include "linux/file.h"
#include "linux/systemd-scope.h"

namespace tsc {
namespace {

constexpr int kRounds = 100;  // a fork bomb may outrun one pass over cgroup.procs
constexpr const char* kCreateStep = "create cgroup";

std::string join_path(const std::string& base, const std::string& own, const CgroupRequest& request) {
  const std::string& wanted = request.cgroups_path;
  if (("/" + wanted + "/").find("/../") != std::string::npos)
    throw_invalid(kCreateStep, "linux.cgroupsPath: holds \"..\"");
  std::string path = wanted.empty() ? request.id : wanted;
  if (path[0] != '/') path = (own == "/" ? "" : own) + "/" + path;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path == "/") throw_invalid(kCreateStep, "linux.cgroupsPath: the root of the hierarchy");
  return base + path;
}

/// Relative paths count from the parent of our own v2 group: a group that has processes cannot have children with
/// controllers. runc does the same.
std::string parent_of(const std::string& own) {
  const size_t slash = own.find_last_of('/');
  return slash == std::string::npos || slash == 0 ? "/" : own.substr(0, slash);
}

/// The directory whose cgroup.procs is read: the freezer's or the pids' on v1, since no process can leave unseen.
std::string main_path(const CgroupLocation& location) {
  if (location.version == 2) return location.find("");
  for (const char* controller : {"freezer", "pids", "memory"}) {
    if (std::string path = location.find(controller); !path.empty()) return path;
  }
  return location.paths.empty() ? "" : location.paths.begin()->second;
}

/// A group that was there before: refused when frozen, since init would hang in it; told of when somebody is in it.
void inspect_existing(CgroupLocation& location, Warnings& warnings) {
  if (is_cgroup_frozen(location))
    throw RuntimeError("", kCreateStep, "", EBUSY, main_path(location), "container's cgroup unexpectedly frozen");
  const size_t count = cgroup_pids(location).size();
  if (count == 0) return;
  location.is_shared = true;
  warnings.push_back("container's cgroup is not empty: " + std::to_string(count) + " process(es) found in " +
                     main_path(location));
}

/// Which of the limits a hybrid machine keeps in its v2 tree: those whose controller is not on v1. The rest stays.
oci::Resources take_unified_share(const CgroupSystem& system, oci::Resources& resources) {
  oci::Resources share;
  if (!resources.hugepage_limits.empty() && !system.has_hierarchy("hugetlb") && system.has_unified("hugetlb"))
    share.hugepage_limits.swap(resources.hugepage_limits);
  if (!resources.rdma.empty() && !system.has_hierarchy("rdma") && system.has_unified("rdma"))
    share.rdma.swap(resources.rdma);
  for (auto item = resources.unified.begin(); item != resources.unified.end();) {
    const std::string controller = item->first.substr(0, item->first.find('.'));
    if (controller == "cgroup" || system.has_unified(controller)) {
      share.unified.insert(*item);
      item = resources.unified.erase(item);
    } else {
      ++item;
    }
  }
  return share;
}

void apply_limits(const CgroupLocation& location, const oci::Resources& resources, Warnings& warnings) {
  if (location.version == 2) return cgroup_v2::apply(location.find(""), resources, warnings);
  const CgroupSystem& system = cgroup_system();
  const bool has_share = !resources.hugepage_limits.empty() || !resources.rdma.empty() || !resources.unified.empty();
  if (!has_share || location.unified().empty()) return cgroup_v1::apply(location, resources, warnings);
  oci::Resources rest = resources;
  const oci::Resources share = take_unified_share(system, rest);
  cgroup_v2::enable_controllers(system.unified_mount_point, location.unified());
  cgroup_v1::apply(location, rest, warnings);
  cgroup_v2::apply(location.unified(), share, warnings);
}

[[noreturn]] void refuse_without_cgroup(const char* step) {
  throw RuntimeError("", step, "", 0, "", "the container has no cgroup: it was made without the right to one");
}

bool has_block_io_limits(const oci::Resources& resources) {
  const auto& limits = resources.block_io;
  return limits.weight || !limits.weight_device.empty() || !limits.read_bps.empty() || !limits.write_bps.empty() ||
         !limits.read_iops.empty() || !limits.write_iops.empty();
}

bool has_limits(const oci::Resources& resources) {
  const auto& memory = resources.memory;
  const auto& cpu = resources.cpu;
  return memory.limit || memory.reservation || memory.swap || cpu.shares || cpu.quota || !cpu.cpus.empty() ||
         cpu.period || cpu.burst || cpu.idle || !cpu.mems.empty() || resources.pids_limit.value_or(0) > 0 ||
         !resources.hugepage_limits.empty() || !resources.rdma.empty() || !resources.unified.empty() ||
         has_block_io_limits(resources);
}

/// Rules of devices are the host's root's to make; the others hold or are refused.
void apply_rootless_limits(const CgroupLocation& location, const oci::Resources& resources, Warnings& warnings) {
  oci::Resources kept = resources;
  kept.devices.clear();
  if (location.paths.empty() && !has_limits(kept)) return;
  if (location.version == 2 && location.paths.empty())
    throw RuntimeError("", "set limits", "", EACCES, "",
                       "rootless needs no limits + no cgrouppath when no permission is granted for cgroups");
  apply_limits(location, kept, warnings);
}

/// Into a group that was made while they ran; once more until a pass finds nobody new, since processes fork meanwhile.
void move_processes(const CgroupLocation& location, const std::string& group) {
  const std::string file = group + "/cgroup.procs";
  std::set<pid_t> moved;
  for (int round = 0; round < kRounds; ++round) {
    bool is_any_new = false;
    for (const pid_t pid : cgroup_pids(location)) {
      if (!moved.insert(pid).second) continue;
      is_any_new = true;
      // ESRCH: it has ended meanwhile.
      if (!try_write_file(file, std::to_string(pid)) && errno != ESRCH) throw_errno("enter cgroup", "write", file);
    }
    if (!is_any_new) return;
  }
}

struct WantedGroup {
  std::string name;  // of the hierarchy, as in CgroupLocation
  std::string mount_point;
  std::string path;
  const CgroupHierarchy* hierarchy;  // null: in the v2 tree
};

std::vector<WantedGroup> wanted_groups(const CgroupRequest& request, const oci::Resources& resources) {
  const CgroupSystem& system = cgroup_system();
  std::vector<WantedGroup> groups;
  for (const CgroupHierarchy& hierarchy : system.hierarchies) {
    if (!cgroup_v1::is_wanted(hierarchy, resources)) continue;
    const std::string path = join_path(hierarchy.mount_point, hierarchy.own_path, request);
    groups.push_back({hierarchy.name, hierarchy.mount_point, path, &hierarchy});
  }
  if (!system.is_unified && !system.is_hybrid()) return groups;
  const std::string base = system.is_unified ? parent_of(system.unified_own_path) : system.unified_own_path;
  groups.push_back({system.is_unified ? "" : CgroupLocation::kUnifiedName, system.unified_mount_point,
                    join_path(system.unified_mount_point, base, request), nullptr});
  return groups;
}

class Maker {
 public:
  Maker(const CgroupRequest& request, CgroupLocation& location) : request_(request), location_(location) {}

  /// Undoes what was made: only what is new.
  void undo() noexcept {
    for (const std::string& path : made_) {
      if (try_remove_cgroup_directory(path)) remove_cgroup_parents(path, request_.record_directory);
    }
  }

  void make(const WantedGroup& group) {
    const auto initialize = [&group](const std::string& part) {
      if (group.hierarchy != nullptr) cgroup_v1::initialize(*group.hierarchy, part);
    };
    try {
      if (make_cgroup_directory(group.mount_point, group.path, request_.record_directory, initialize)) {
        made_.push_back(group.path);
      } else {
        found_existing_ = true;
      }
    } catch (const RuntimeError& error) {
      if (may_go_without(group.name, error)) return;
      // runc's words, by which its callers know the case.
      if (request_.is_rootless && error.error == EACCES)
        throw error.advised("unable to apply cgroup configuration: permission denied");
      throw;
    }
    location_.paths[group.name] = group.path;
  }

  bool found_existing() const { return found_existing_; }

 private:
  /// The group in the v2 tree of a hybrid machine is ours to add; the others only where nobody asks for them.
  bool may_go_without(const std::string& name, const RuntimeError& error) const {
    if (!request_.is_rootless) return false;
    if (name != CgroupLocation::kUnifiedName && !request_.cgroups_path.empty()) return false;
    return error.error == EACCES || error.error == EPERM || error.error == EROFS;
  }

  const CgroupRequest& request_;
  CgroupLocation& location_;
  std::vector<std::string> made_;
  bool found_existing_ = false;
};

}  // namespace

std::string CgroupLocation::find(const std::string& controller) const {
  for (const auto& [name, path] : paths) {
    if (controller.empty() ? name.empty() : has_word(name, controller)) return path;
  }
  return "";
}

std::string CgroupLocation::unified() const { return find(version == 2 ? "" : kUnifiedName); }

CgroupLocation plan_cgroup(const CgroupRequest& request, const oci::Resources& resources) {
  CgroupLocation location;
  location.version = cgroup_system().is_unified ? 2 : 1;
  for (const WantedGroup& group : wanted_groups(request, resources)) {
    location.paths[group.name] = group.path;
    location.is_shared = location.is_shared || path_exists(group.path);
  }
  return location;
}

CgroupLocation create_cgroup(const CgroupRequest& request, const oci::Resources& resources, Warnings& warnings) {
  const CgroupSystem& system = cgroup_system();
  CgroupLocation location;
  location.version = system.is_unified ? 2 : 1;
  Maker maker(request, location);
  try {
    for (const WantedGroup& group : wanted_groups(request, resources)) maker.make(group);
    if (system.is_unified && !location.paths.empty())
      cgroup_v2::enable_controllers(system.unified_mount_point, location.find(""));
    if (maker.found_existing()) inspect_existing(location, warnings);
    if (request.is_rootless) {
      apply_rootless_limits(location, resources, warnings);
    } else {
      apply_limits(location, resources, warnings);
    }
  } catch (...) {
    maker.undo();
    throw;
  }
  return location;
}

void apply_resources(CgroupLocation& location, const oci::Resources& resources, const std::string& record_directory,
                     Warnings& warnings) {
  if (location.paths.empty() && has_limits(resources)) refuse_without_cgroup("set limits");
  if (location.version == 2 && location.paths.empty()) return;
  if (location.version == 2) return apply_limits(location, resources, warnings);
  // A controller that create left alone: its group is made now, beside the ones that exist, and filled.
  const std::string model = main_path(location);
  for (const CgroupHierarchy& hierarchy : cgroup_system().hierarchies) {
    if (location.paths.count(hierarchy.name) != 0 || !cgroup_v1::is_wanted(hierarchy, resources)) continue;
    for (const CgroupHierarchy& other : cgroup_system().hierarchies) {
      if (model.rfind(other.mount_point + "/", 0) != 0) continue;
      const std::string path = hierarchy.mount_point + model.substr(other.mount_point.size());
      make_cgroup_directory(hierarchy.mount_point, path, record_directory,
                            [&](const std::string& part) { cgroup_v1::initialize(hierarchy, part); });
      location.paths[hierarchy.name] = path;
      move_processes(location, path);
    }
  }
  apply_limits(location, resources, warnings);
}

void remove_cgroup(const CgroupLocation& location, const std::string& record_directory) {
  if (!location.unit.empty()) stop_scope(location.unit);
  // The last to leave a shared group removes it.
  const bool is_left_to_others = location.is_shared && !cgroup_pids(location).empty();
  for (const auto& [name, path] : location.paths) {
    if (is_left_to_others) {
      if (!try_remove_cgroup_directory(path)) continue;
    } else {
      remove_cgroup_directory(path);
    }
    remove_cgroup_parents(path, record_directory);
  }
}

std::vector<pid_t> cgroup_pids(const CgroupLocation& location) {
  const std::string path = main_path(location);
  return path.empty() ? std::vector<pid_t>() : list_cgroup_processes(path);
}

void signal_cgroup(const CgroupLocation& location, int signal) {
  const std::string path = main_path(location);
  if (path.empty()) return;
  if (location.version == 2 && signal == SIGKILL && try_write_file(path + "/cgroup.kill", "1")) return;
  if (signal != SIGKILL) {
    for (const pid_t pid : cgroup_pids(location)) kill(pid, signal);
    return;
  }
  // Until a pass finds nobody new: processes may fork while we read.
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<pid_t> pids = cgroup_pids(location);
    bool is_any_left = false;
    for (const pid_t pid : pids) is_any_left = kill(pid, SIGKILL) == 0 || is_any_left;
    if (location.version == 1 && is_cgroup_frozen(location)) freeze_cgroup(location, false);
    if (!is_any_left) return;
    pause_ms(round < 4 ? 1 : 10);
  }
}

void freeze_cgroup(const CgroupLocation& location, bool is_frozen) {
  if (location.version == 2 && !location.paths.empty()) return cgroup_v2::freeze(location.find(""), is_frozen);
  const std::string path = location.find("freezer");
  if (!path.empty()) return cgroup_v1::freeze(path, is_frozen);
  // A hybrid machine without the v1 freezer has the v2 one, in every group.
  if (!location.unified().empty()) return cgroup_v2::freeze(location.unified(), is_frozen);
  throw RuntimeError("", "freeze cgroup", "", ENOTSUP, "", "the container has no freezer cgroup");
}

bool is_cgroup_frozen(const CgroupLocation& location) {
  if (location.version == 2 && !location.paths.empty()) return cgroup_v2::is_frozen(location.find(""));
  const std::string path = location.find("freezer");
  if (!path.empty()) return cgroup_v1::is_frozen(path);
  return !location.unified().empty() && cgroup_v2::is_frozen(location.unified());
}

ContainerStats read_cgroup_stats(const CgroupLocation& location) {
  if (location.paths.empty()) refuse_without_cgroup("read figures");
  return location.version == 2 ? cgroup_v2::read_stats(location.find("")) : cgroup_v1::read_stats(location);
}

ContainerDetails read_cgroup_details(const CgroupLocation& location) {
  return location.version == 2 ? cgroup_v2::read_details(location.find("")) : cgroup_v1::read_details(location);
}

UniqueFd open_cgroup_oom_events(const CgroupLocation& location) {
  constexpr const char* kStep = "watch memory";
  if (location.version == 2) {
    UniqueFd watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!watch) throw_errno(kStep, "inotify_init1");
    const std::string path = location.find("") + "/memory.events";
    if (inotify_add_watch(watch.get(), path.c_str(), IN_MODIFY) < 0) return UniqueFd();
    return watch;
  }
  const std::string path = location.find("memory");
  if (path.empty()) return UniqueFd();
  const UniqueFd control = open_file(kStep, path + "/memory.oom_control", O_RDONLY);
  UniqueFd event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) throw_errno(kStep, "eventfd");
  write_file(kStep, path + "/cgroup.event_control", std::to_string(event.get()) + " " + std::to_string(control.get()));
  return event;
}

bool acknowledge_cgroup_oom(const CgroupLocation& location, int fd, std::uint64_t& known_kills) {
  char buffer[4096];
  while (read(fd, buffer, sizeof buffer) > 0 && location.version == 2) {
  }
  std::string content;
  const bool is_v2 = location.version == 2;
  const std::string path =
      is_v2 ? location.find("") + "/memory.events" : location.find("memory") + "/memory.oom_control";
  // The removal of the group wakes the watcher too; then the file is gone.
  if (!try_read_file(path, content)) return false;
  if (!is_v2) return true;
  const size_t found = content.find("oom_kill ");
  const std::uint64_t kills = found == std::string::npos ? 0 : std::strtoull(&content[found + 9], nullptr, 10);
  return std::exchange(known_kills, kills) < kills;
}

}  // namespace tsc
