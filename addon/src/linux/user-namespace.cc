// The caller's rights: see the header.
#include "linux/user-namespace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "linux/cgroup-system.h"
#include "linux/file.h"

namespace tsc {
namespace {

constexpr unsigned kAllIds = 4294967295U;
constexpr const char* kUsualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

bool read_is_in_user_namespace() {
  std::string map;
  unsigned inside, outside, size;
  // A kernel without user namespaces has no map.
  if (!try_read_file("/proc/self/uid_map", map)) return false;
  return sscanf(map.c_str(), "%u %u %u", &inside, &outside, &size) != 3 || inside != 0 || outside != 0 ||
         size != kAllIds;
}

}  // namespace

bool is_in_user_namespace() {
  static const bool result = read_is_in_user_namespace();
  return result;
}

bool is_rootless() { return geteuid() != 0 || is_in_user_namespace(); }

bool is_ordinary_user() {
  if (geteuid() != 0) return true;
  const char* user = getenv("USER");
  return is_in_user_namespace() && (user == nullptr || strcmp(user, "root") != 0);
}

std::string find_program(const std::string& name) {
  const char* path = getenv("PATH");
  for (const std::string& directory : split(path == nullptr ? kUsualPath : path, ':')) {
    const std::string whole = directory + "/" + name;
    if (!directory.empty() && access(whole.c_str(), X_OK) == 0) return whole;
  }
  return "";
}

}  // namespace tsc
