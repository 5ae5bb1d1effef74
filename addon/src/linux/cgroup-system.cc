// Which control groups there are: see the header. cgroups(7)
#include "linux/cgroup-system.h"

#include <linux/magic.h>
#include <sys/statfs.h>

#include <algorithm>
#include <map>

#include "linux/file.h"

namespace tsc {

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

bool has_word(const std::string& list, const std::string& word) {
  for (size_t at = 0; (at = list.find(word, at)) != std::string::npos; at += word.size()) {
    const size_t end = at + word.size();
    if ((at == 0 || list[at - 1] == ',') && (end == list.size() || list[end] == ',')) return true;
  }
  return false;
}

namespace {

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

}  // namespace

bool CgroupSystem::has_hierarchy(const std::string& controller) const {
  return std::any_of(hierarchies.begin(), hierarchies.end(),
                     [&](const CgroupHierarchy& item) { return has_word(item.controllers, controller); });
}

bool CgroupSystem::has_unified(const std::string& controller) const {
  std::string words;
  if (!try_read_file(unified_mount_point + "/cgroup.controllers", words)) return false;
  std::replace(words.begin(), words.end(), ' ', ',');
  words.resize(words.find_last_not_of('\n') + 1);
  return has_word(words, controller);
}

const CgroupSystem& cgroup_system() {
  static const CgroupSystem system = read_system();
  return system;
}

}  // namespace tsc
