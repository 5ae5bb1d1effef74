// Control groups, version 2: turning controllers on, and the freezer. kernel: admin-guide/cgroup-v2
#include <sstream>

#include "linux/cgroup-directory.h"
#include "linux/cgroup-versions.h"
#include "linux/error.h"
#include "linux/file.h"

namespace tsc::cgroup_v2 {
namespace {

constexpr int kFreezeTries = 500;

/// Words as cgroup.subtree_control has them: separated by blanks, the last one by the line's end.
bool holds_word(const std::string& text, const std::string& word) {
  std::istringstream words(text);
  std::string each;
  while (words >> each) {
    if (each == word) return true;
  }
  return false;
}

bool tells_frozen(const std::string& path, bool is_frozen) {
  std::string events;
  if (!try_read_file(path + "/cgroup.events", events)) return false;
  return events.find(is_frozen ? "frozen 1" : "frozen 0") != std::string::npos;
}

/// Whether children may have controllers. Where processes are, the kernel would take those that count threads, and make
/// of the group one whose children are good for threads only. The root is exempt.
bool may_delegate(const std::string& mount_point, const std::string& directory) {
  std::string processes;
  return directory == mount_point || !try_read_file(directory + "/cgroup.procs", processes) || processes.empty();
}

}  // namespace

void enable_controllers(const std::string& mount_point, const std::string& path) {
  size_t end = mount_point.size();
  for (;;) {
    const std::string directory = path.substr(0, end);
    if (directory == path) return;
    std::string available, enabled;
    if (try_read_file(directory + "/cgroup.controllers", available) &&
        try_read_file(directory + "/cgroup.subtree_control", enabled)) {
      std::istringstream words(available);
      std::string word;
      // One by one: a controller that cannot be turned on here must not keep the others off. What is really needed
      // and missing shows when its limit is written.
      while (words >> word) {
        if (holds_word(enabled, word)) continue;
        if (!may_delegate(mount_point, directory)) return;
        try_write_file(directory + "/cgroup.subtree_control", "+" + word);
      }
    }
    end = path.find('/', end + 1);
    if (end == std::string::npos) return;
  }
}

void freeze(const std::string& path, bool is_wanted_frozen) {
  write_file("freeze cgroup", path + "/cgroup.freeze", is_wanted_frozen ? "1" : "0");
  for (int attempt = 0; attempt < kFreezeTries; ++attempt) {
    if (tells_frozen(path, is_wanted_frozen)) return;
    pause_ms(attempt < 20 ? 1 : 10);
  }
  try_write_file(path + "/cgroup.freeze", "0");
  throw_errno(EBUSY, "freeze cgroup", "write", path + "/cgroup.freeze");
}

bool is_frozen(const std::string& path) {
  std::string content;
  return try_read_file(path + "/cgroup.freeze", content) && content.rfind("1", 0) == 0;
}

}  // namespace tsc::cgroup_v2
