// Control groups: see the header.
#include "linux/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>
#include <sstream>

#include "linux/cgroup-versions.h"
#include "linux/error.h"
#include "linux/file.h"

namespace tsc {
namespace {

constexpr int kMakeTries = 8;
constexpr int kRemoveTries = 100;   // with 1 ms and more between them: about three seconds
constexpr int kSignalRounds = 100;  // a fork bomb may outrun one pass over cgroup.procs
constexpr const char* kCreateStep = "create cgroup";

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (;;) {
    const size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) return parts;
    begin = end + 1;
  }
}

/// "cpu,cpuacct" -> this process's path there, from /proc/self/cgroup ("4:memory:/a/b").
std::map<std::string, std::string> read_own_paths() {
  std::map<std::string, std::string> paths;
  for (const std::string& line : split(read_file("find cgroups", "/proc/self/cgroup"), '\n')) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    paths[line.substr(first + 1, second - first - 1)] = line.substr(second + 1);
  }
  return paths;
}

bool is_controller_option(const std::string& option) {
  return option != "rw" && option != "ro" && option != "xattr" && option != "noprefix" && option != "clone_children" &&
         option != "favordynmods" && option.rfind("release_agent=", 0) != 0 && option.rfind("cpuset_", 0) != 0;
}

std::string join_controllers(const std::string& super_options) {
  std::string result;
  for (const std::string& option : split(super_options, ',')) {
    if (is_controller_option(option)) result += (result.empty() ? "" : ",") + option;
  }
  return result;
}

void add_mount(CgroupSystem& system, const std::string& line, const std::map<std::string, std::string>& own_paths) {
  const size_t dash = line.find(" - ");
  if (dash == std::string::npos) return;
  const std::vector<std::string> left = split(line.substr(0, dash), ' ');
  const std::vector<std::string> right = split(line.substr(dash + 3), ' ');
  if (left.size() < 5 || right.size() < 3) return;
  const std::string& mount_point = left[4];
  // Only what lies below /sys/fs/cgroup: another mount of the same hierarchy elsewhere is somebody's own business.
  if (mount_point.rfind("/sys/fs/cgroup", 0) != 0) return;
  if (right[0] == "cgroup2") {
    system.unified_mount_point = mount_point;
    if (const auto own = own_paths.find(""); own != own_paths.end()) system.unified_own_path = own->second;
    return;
  }
  if (right[0] != "cgroup") return;
  const std::string controllers = join_controllers(right[2]);
  const auto own = own_paths.find(controllers);
  const std::string name = mount_point.substr(mount_point.find_last_of('/') + 1);
  system.hierarchies.push_back({name, controllers, mount_point, own == own_paths.end() ? "/" : own->second});
}

CgroupSystem read_system() {
  CgroupSystem system;
  struct statfs found;
  if (statfs("/sys/fs/cgroup", &found) == 0 && found.f_type == CGROUP2_SUPER_MAGIC) {
    system.is_unified = true;
    system.unified_mount_point = "/sys/fs/cgroup";
    const auto own = read_own_paths();
    if (const auto path = own.find(""); path != own.end()) system.unified_own_path = path->second;
    return system;
  }
  const auto own = read_own_paths();
  for (const std::string& line : split(read_file("find cgroups", "/proc/self/mountinfo"), '\n'))
    add_mount(system, line, own);
  return system;
}

std::string join_path(const std::string& base, const std::string& own, const std::string& wanted,
                      const std::string& id) {
  if (wanted.find("..") != std::string::npos) throw_invalid(kCreateStep, "linux.cgroupsPath: holds \"..\"");
  std::string path = wanted.empty() ? id : wanted;
  if (path[0] != '/') path = (own == "/" ? "" : own) + "/" + path;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path == "/") throw_invalid(kCreateStep, "linux.cgroupsPath: the root of the hierarchy");
  return base + path;
}

std::string record_name(const std::string& directory, const std::string& path) {
  std::string name = path;
  std::replace(name.begin(), name.end(), '/', '!');
  return directory + "/" + name;
}

/// False: the parent has gone meanwhile, with the last group that another engine had in it.
bool make_one(const std::string& path, const std::string& record_directory, bool is_leaf) {
  if (mkdir(path.c_str(), 0755) == 0) {
    if (is_leaf) return true;
    make_directories(kCreateStep, record_directory, 0700);
    open_file(kCreateStep, record_name(record_directory, path), O_WRONLY | O_CREAT);
    return true;
  }
  if (errno == ENOENT) return false;
  if (errno == EEXIST && !is_leaf) return true;
  if (errno == EEXIST) {
    // A group of the same name: ours to take over only when nobody is in it.
    std::string pids;
    if (try_read_file(path + "/cgroup.procs", pids) && pids.empty()) return true;
    errno = EBUSY;
  }
  throw_errno(kCreateStep, "mkdir", path);
}

/// mkdir -p below the mount point. `visit` sees each directory once it exists, from the top.
template <class Visit>
void make_group(const std::string& mount_point, const std::string& path, const std::string& record_directory,
                Visit visit) {
  if (mkdir(path.c_str(), 0755) == 0) return visit(path);
  for (int attempt = 0; attempt < kMakeTries; ++attempt) {
    size_t end = mount_point.size();
    bool is_there = true;
    while (is_there && end != std::string::npos) {
      end = path.find('/', end + 1);
      const std::string part = path.substr(0, end);
      is_there = make_one(part, record_directory, end == std::string::npos);
      if (is_there) visit(part);
    }
    if (is_there) return;
  }
  errno = ENOENT;
  throw_errno(kCreateStep, "mkdir", path);
}

void pause_ms(int milliseconds) { ::poll(nullptr, 0, milliseconds); }

/// rmdir of a group and the groups below it (made by the container itself), deepest first.
bool remove_group(const std::string& path) {
  if (rmdir(path.c_str()) == 0 || errno == ENOENT) return true;
  if (errno != EBUSY && errno != ENOTEMPTY) return false;
  if (DIR* directory = opendir(path.c_str())) {
    while (const dirent* entry = readdir(directory)) {
      if (entry->d_type == DT_DIR && entry->d_name[0] != '.') remove_group(path + "/" + entry->d_name);
    }
    closedir(directory);
  }
  return rmdir(path.c_str()) == 0 || errno == ENOENT;
}

void remove_patiently(const std::string& path) {
  for (int attempt = 0; attempt < kRemoveTries; ++attempt) {
    if (remove_group(path)) return;
    if (errno != EBUSY && errno != ENOTEMPTY) break;
    pause_ms(attempt < 10 ? 1 : 32);
  }
  throw_errno("remove cgroup", "rmdir", path);
}

/// Parents that create_cgroup made, as long as they are empty.
void remove_parents(std::string path, const std::string& record_directory) {
  for (;;) {
    const size_t slash = path.find_last_of('/');
    if (slash == std::string::npos || slash == 0) return;
    path.resize(slash);
    const std::string record = record_name(record_directory, path);
    if (!path_exists(record) || rmdir(path.c_str()) != 0) return;
    unlink(record.c_str());
  }
}

void collect_pids(const std::string& path, std::vector<pid_t>& pids) {
  std::string content;
  if (!try_read_file(path + "/cgroup.procs", content)) return;
  std::istringstream lines(content);
  pid_t pid;
  while (lines >> pid) {
    if (pid > 0) pids.push_back(pid);
  }
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) return;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') collect_pids(path + "/" + entry->d_name, pids);
  }
  closedir(directory);
}

/// The directory whose cgroup.procs is read: the freezer's or the pids' on v1, since no process can leave unseen.
std::string main_path(const CgroupLocation& location) {
  if (location.version == 2) return location.find("");
  for (const char* controller : {"freezer", "pids", "memory"}) {
    if (std::string path = location.find(controller); !path.empty()) return path;
  }
  return location.paths.empty() ? "" : location.paths.begin()->second;
}

CgroupLocation create_v1(const CgroupSystem& system, const std::string& wanted, const std::string& id,
                         const oci::Resources& resources, const std::string& record_directory) {
  CgroupLocation location;
  try {
    for (const CgroupHierarchy& hierarchy : system.hierarchies) {
      if (!cgroup_v1::is_wanted(hierarchy, resources)) continue;
      const std::string path = join_path(hierarchy.mount_point, hierarchy.own_path, wanted, id);
      make_group(hierarchy.mount_point, path, record_directory,
                 [&](const std::string& part) { cgroup_v1::initialize(hierarchy, part); });
      location.paths[hierarchy.name] = path;
    }
    cgroup_v1::apply(location, resources);
  } catch (...) {
    for (const auto& [name, path] : location.paths) {
      if (rmdir(path.c_str()) == 0) remove_parents(path, record_directory);
    }
    throw;
  }
  return location;
}

CgroupLocation create_v2(const CgroupSystem& system, const std::string& wanted, const std::string& id,
                         const oci::Resources& resources, const std::string& record_directory) {
  CgroupLocation location;
  location.version = 2;
  const std::string path = join_path(system.unified_mount_point, system.unified_own_path, wanted, id);
  try {
    make_group(system.unified_mount_point, path, record_directory, [](const std::string&) {});
    location.paths[""] = path;
    cgroup_v2::enable_controllers(system.unified_mount_point, path);
    cgroup_v2::apply(path, resources);
  } catch (...) {
    if (rmdir(path.c_str()) == 0) remove_parents(path, record_directory);
    throw;
  }
  return location;
}

}  // namespace

const CgroupSystem& cgroup_system() {
  static const CgroupSystem system = read_system();
  return system;
}

std::string CgroupLocation::find(const std::string& controller) const {
  for (const auto& [name, path] : paths) {
    const std::vector<std::string> words = split(name, ',');
    if (std::find(words.begin(), words.end(), controller) != words.end()) return path;
  }
  return "";
}

CgroupLocation create_cgroup(const std::string& cgroups_path, const std::string& id, const oci::Resources& resources,
                             const std::string& record_directory) {
  const CgroupSystem& system = cgroup_system();
  if (system.is_unified) return create_v2(system, cgroups_path, id, resources, record_directory);
  return create_v1(system, cgroups_path, id, resources, record_directory);
}

void apply_resources(CgroupLocation& location, const oci::Resources& resources) {
  if (location.version == 2) return cgroup_v2::apply(location.find(""), resources);
  // A controller that create left alone: its group is made now, beside the ones that exist, and filled.
  const std::string model = main_path(location);
  for (const CgroupHierarchy& hierarchy : cgroup_system().hierarchies) {
    if (location.paths.count(hierarchy.name) != 0 || !cgroup_v1::is_wanted(hierarchy, resources)) continue;
    for (const CgroupHierarchy& other : cgroup_system().hierarchies) {
      if (model.rfind(other.mount_point + "/", 0) != 0) continue;
      const std::string path = hierarchy.mount_point + model.substr(other.mount_point.size());
      make_group(hierarchy.mount_point, path, "",
                 [&](const std::string& part) { cgroup_v1::initialize(hierarchy, part); });
      location.paths[hierarchy.name] = path;
      for (const pid_t pid : cgroup_pids(location)) try_write_file(path + "/cgroup.procs", std::to_string(pid));
    }
  }
  cgroup_v1::apply(location, resources);
}

void remove_cgroup(const CgroupLocation& location, const std::string& record_directory) {
  for (const auto& [name, path] : location.paths) {
    remove_patiently(path);
    remove_parents(path, record_directory);
  }
}

std::vector<pid_t> cgroup_pids(const CgroupLocation& location) {
  std::vector<pid_t> pids;
  const std::string path = main_path(location);
  if (!path.empty()) collect_pids(path, pids);
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
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
  for (int round = 0; round < kSignalRounds; ++round) {
    const std::vector<pid_t> pids = cgroup_pids(location);
    bool is_any_left = false;
    for (const pid_t pid : pids) is_any_left = kill(pid, SIGKILL) == 0 || is_any_left;
    if (location.version == 1 && is_cgroup_frozen(location)) freeze_cgroup(location, false);
    if (!is_any_left) return;
    pause_ms(round < 4 ? 1 : 10);
  }
}

void freeze_cgroup(const CgroupLocation& location, bool is_frozen) {
  if (location.version == 2) return cgroup_v2::freeze(location.find(""), is_frozen);
  const std::string path = location.find("freezer");
  if (path.empty()) throw RuntimeError("", "freeze cgroup", "", ENOTSUP, "", "the container has no freezer cgroup");
  cgroup_v1::freeze(path, is_frozen);
}

bool is_cgroup_frozen(const CgroupLocation& location) {
  if (location.version == 2) return cgroup_v2::is_frozen(location.find(""));
  const std::string path = location.find("freezer");
  return !path.empty() && cgroup_v1::is_frozen(path);
}

ContainerStats read_cgroup_stats(const CgroupLocation& location) {
  return location.version == 2 ? cgroup_v2::read_stats(location.find("")) : cgroup_v1::read_stats(location);
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

bool acknowledge_cgroup_oom(const CgroupLocation& location, int fd) {
  char buffer[4096];
  while (read(fd, buffer, sizeof buffer) > 0 && location.version == 2) {
  }
  std::string content;
  const bool is_v2 = location.version == 2;
  const std::string path =
      is_v2 ? location.find("") + "/memory.events" : location.find("memory") + "/memory.oom_control";
  // The removal of the group wakes the watcher too; then the file is gone.
  if (!try_read_file(path, content)) return false;
  const size_t found = content.find("oom_kill ");
  return !is_v2 || (found != std::string::npos && content[found + 9] != '0');
}

}  // namespace tsc
