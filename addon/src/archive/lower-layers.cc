// Open directories, so that every name is resolved beneath them.
#include "archive/lower-layers.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "linux/error.h"

namespace tsc {

int open_in_root(int root, const std::string& name, int flags) {
  open_how how = {};
  how.flags = static_cast<__u64>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long fd = syscall(SYS_openat2, root, name.empty() ? "." : name.c_str(), &how, sizeof how);
    // EAGAIN: something was renamed while `..` was resolved; the kernel asks to try again.
    if (fd >= 0 || (errno != EINTR && errno != EAGAIN)) return static_cast<int>(fd);
  }
}

LowerLayers::LowerLayers(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd) throw_errno("open parent", "open", path);
    layers_.push_back(std::move(fd));
  }
}

bool LowerLayers::find_directory(const std::string& name, struct stat& facts) const {
  for (const UniqueFd& layer : layers_) {
    const UniqueFd fd(open_in_root(layer.get(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    if (fd && fstat(fd.get(), &facts) == 0) return true;
  }
  return false;
}

}  // namespace tsc
