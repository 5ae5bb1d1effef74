// Which v2 groups an ordinary user may bring processes into: see the header.
#include "linux/cgroup-delegation.h"

#include <fcntl.h>
#include <unistd.h>

#include "linux/cgroup-system.h"
#include "linux/user-namespace.h"

namespace tsc {

std::string closed_ancestor(const std::string& directory) {
  if (!is_rootless()) return "";
  const CgroupSystem& system = cgroup_system();
  // Both with a slash behind, so that a name is compared whole.
  const std::string& path = system.unified_own_path;
  const std::string own = system.unified_mount_point + (path == "/" ? "" : path) + "/";
  const std::string wanted = directory + "/";
  size_t common = 0;
  for (size_t at = 0; at < own.size() && at < wanted.size() && own[at] == wanted[at]; ++at) {
    if (own[at] == '/') common = at;
  }
  const std::string ancestor = own.substr(0, common);
  return faccessat(AT_FDCWD, (ancestor + "/cgroup.procs").c_str(), W_OK, AT_EACCESS) == 0 ? "" : ancestor;
}

}  // namespace tsc
