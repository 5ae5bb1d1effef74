// exec --cgroup: see the header.
#include "runtime/sub-cgroup.h"

#include <algorithm>

#include "linux/error.h"
#include "linux/file.h"

namespace tsc {
namespace {

constexpr const char* kStep = "enter cgroup";

void check_path(const std::string& path) {
  for (const std::string& part : split(path, '/')) {
    if (part == "..") throw_invalid("command line", "--cgroup: " + path + " is not a sub cgroup path");
  }
}

void append(std::string& directory, const std::string& path) {
  for (const std::string& part : split(path, '/')) {
    if (!part.empty() && part != ".") directory += "/" + part;
  }
  if (path_exists(directory + "/cgroup.procs")) return;
  throw RuntimeError("", kStep, "", 0, "",
                     "adding pid of the new process to " + directory + "/cgroup.procs: no such file or directory",
                     Reason::invalid_argument);
}

void append_to_controller(CgroupLocation& location, const std::string& controller, const std::string& path,
                          std::vector<std::string>& done) {
  for (auto& [name, directory] : location.paths) {
    const std::vector<std::string> names = split(name, ',');
    if (std::find(names.begin(), names.end(), controller) == names.end()) continue;
    if (std::find(done.begin(), done.end(), name) == done.end()) append(directory, path);
    done.push_back(name);
    return;
  }
  throw_invalid("command line", "--cgroup: unknown controller " + controller);
}

}  // namespace

void enter_sub_cgroups(CgroupLocation& location, const std::vector<std::string>& wanted) {
  std::vector<std::string> done;
  for (const std::string& item : wanted) {
    const size_t colon = item.find(':');
    const std::string path = colon == std::string::npos ? item : item.substr(colon + 1);
    check_path(path);
    if (colon == std::string::npos) {
      for (auto& [name, directory] : location.paths) append(directory, path);
      continue;
    }
    if (location.version == 2) {
      throw_invalid("command line", "--cgroup: on cgroup v2 there are no controllers to choose: " + item);
    }
    for (const std::string& controller : split(item.substr(0, colon), ',')) {
      append_to_controller(location, controller, path, done);
    }
  }
}

void follow_init(CgroupLocation& location, pid_t init) {
  if (location.version != 2 || location.paths.empty()) return;
  std::string& directory = location.paths[""];
  std::string controllers;
  if (!try_read_file(directory + "/cgroup.subtree_control", controllers)) return;
  if (controllers.find_first_not_of(" \n") == std::string::npos) return;
  std::string own;
  if (!try_read_file("/proc/" + std::to_string(init) + "/cgroup", own)) return;
  const size_t begin = own.find("0::/");
  if (begin == std::string::npos) return;
  const std::string path = own.substr(begin + 3, own.find('\n', begin) - begin - 3);
  const std::string& mount_point = cgroup_system().unified_mount_point;
  if ((mount_point + path).rfind(directory + "/", 0) == 0) directory = mount_point + path;
}

}  // namespace tsc
