// readdir(3) over an fd, and openat2 for its children.
#include "archive/directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "linux/error.h"

namespace tsc {
namespace {

struct DirectoryCloser {
  void operator()(DIR* directory) const noexcept { closedir(directory); }
};

}  // namespace

std::vector<DirectoryEntry> read_directory(int fd, bool sorted) {
  // An open file of its own: closedir closes it, and the position of `fd` stays untouched.
  UniqueFd own(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) throw_errno("read directory", "openat");
  const std::unique_ptr<DIR, DirectoryCloser> directory(fdopendir(own.get()));
  if (!directory) throw_errno("read directory", "fdopendir");
  own.release();
  std::vector<DirectoryEntry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = readdir(directory.get());
    if (entry == nullptr && errno != 0) throw_errno("read directory", "getdents64");
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name != "." && name != "..") entries.push_back({std::move(name), entry->d_type});
  }
  if (sorted) {
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  }
  return entries;
}

UniqueFd open_directory_at(int parent, const std::string& name, bool same_mount) {
  open_how how = {};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS | (same_mount ? RESOLVE_NO_XDEV : 0);
  for (;;) {
    const long fd = syscall(SYS_openat2, parent, name.c_str(), &how, sizeof how);
    if (fd >= 0 || (errno != EINTR && errno != EAGAIN)) return UniqueFd(static_cast<int>(fd));
  }
}

}  // namespace tsc
