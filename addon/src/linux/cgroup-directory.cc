// One control group as a directory: see the header.
#include "linux/cgroup-directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <sstream>

#include "linux/error.h"
#include "linux/file.h"
#include "linux/hash.h"

namespace tsc {
namespace {

constexpr int kRemoveTries = 100;  // with 1 ms and more between them: about three seconds
constexpr int kMakeTries = 8;
constexpr size_t kLongestRecord = 200;
constexpr const char* kCreateStep = "create cgroup";

/// Names of directories in a cgroup tree may be longer than a file's name: the end of such a one is told by its hash.
std::string record_name(const std::string& directory, const std::string& path) {
  std::string name = path;
  std::replace(name.begin(), name.end(), '/', '!');
  if (name.size() > kLongestRecord) name = name.substr(0, kLongestRecord) + "!" + std::to_string(fnv1a(path));
  return directory + "/" + name;
}

/// The groups that one call makes, from the top: they go again unless it comes to its end.
class NewGroups {
 public:
  explicit NewGroups(const std::string& record_directory) : record_directory_(record_directory) {}
  ~NewGroups() {
    for (auto path = made_.rbegin(); path != made_.rend(); ++path) {
      // Another container may have moved in below a parent meanwhile: then it stays, noted as before.
      if ((rmdir(path->c_str()) == 0 || errno == ENOENT) && !record_directory_.empty())
        unlink(record_name(record_directory_, *path).c_str());
    }
  }
  NewGroups(const NewGroups&) = delete;
  NewGroups& operator=(const NewGroups&) = delete;

  /// False when it was there already. A parent is noted, so that it can be removed again: first, since whoever makes it
  /// may be killed right afterwards.
  bool make(const std::string& path, bool is_leaf) {
    if (!is_leaf && !record_directory_.empty() && !path_exists(path)) {
      make_directories(kCreateStep, record_directory_, 0700);
      open_file(kCreateStep, record_name(record_directory_, path), O_WRONLY | O_CREAT);
    }
    made_.push_back(path);
    if (mkdir(path.c_str(), 0755) == 0) return true;
    if (errno != EEXIST) throw_errno(kCreateStep, "mkdir", path);
    made_.pop_back();
    return false;
  }

  void keep() { made_.clear(); }

 private:
  const std::string& record_directory_;
  std::vector<std::string> made_;
};

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

void collect_pids(const std::string& path, std::vector<pid_t>& pids) {
  std::string content;
  // A threaded v2 group has no list of processes, only one of threads.
  if (!try_read_file(path + "/cgroup.procs", content) &&
      (errno != EOPNOTSUPP || !try_read_file(path + "/cgroup.threads", content))) {
    return;
  }
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

bool make_with_parents(const std::string& mount_point, const std::string& path, const std::string& record_directory,
                       const std::function<void(const std::string&)>& visit) {
  NewGroups groups(record_directory);
  bool is_new = false;
  size_t end = mount_point.size();
  while (end != std::string::npos) {
    end = path.find('/', end + 1);
    const std::string part = path.substr(0, end);
    is_new = groups.make(part, end == std::string::npos);
    visit(part);
  }
  groups.keep();
  return is_new;
}

}  // namespace

bool make_cgroup_directory(const std::string& mount_point, const std::string& path, const std::string& record_directory,
                           const std::function<void(const std::string&)>& visit) {
  // Most often the parents are there.
  if (mkdir(path.c_str(), 0755) == 0) {
    try {
      visit(path);
    } catch (...) {
      rmdir(path.c_str());
      throw;
    }
    return true;
  }
  for (int attempt = 1;; ++attempt) {
    try {
      return make_with_parents(mount_point, path, record_directory, visit);
    } catch (const RuntimeError& error) {
      // Another container's end took a parent away between two of our steps.
      if (error.error != ENOENT || attempt == kMakeTries) throw;
    }
  }
}

bool try_remove_cgroup_directory(const std::string& path) { return remove_group(path); }

void remove_cgroup_directory(const std::string& path) {
  for (int attempt = 0; attempt < kRemoveTries; ++attempt) {
    if (remove_group(path)) return;
    if (errno != EBUSY && errno != ENOTEMPTY) break;
    pause_ms(attempt < 10 ? 1 : 32);
  }
  throw_errno("remove cgroup", "rmdir", path);
}

void remove_cgroup_parents(std::string path, const std::string& record_directory) {
  for (;;) {
    const size_t slash = path.find_last_of('/');
    if (slash == std::string::npos || slash == 0) return;
    path.resize(slash);
    const std::string record = record_name(record_directory, path);
    // Not noted: somebody else's, or not made before its maker was killed.
    if (!path_exists(record)) {
      if (path_exists(path)) return;
      continue;
    }
    if (rmdir(path.c_str()) != 0 && errno != ENOENT) return;
    unlink(record.c_str());
  }
}

std::vector<pid_t> list_cgroup_processes(const std::string& path) {
  std::vector<pid_t> pids;
  collect_pids(path, pids);
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

void pause_ms(int milliseconds) { ::poll(nullptr, 0, milliseconds); }

}  // namespace tsc
