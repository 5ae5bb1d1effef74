// A walk by directory fds with one fstatat for each entry.
#include "archive/tree-usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "archive/directory.h"
#include "linux/error.h"

namespace tsc {
namespace {

class Measurement {
 public:
  void add_directory(const UniqueFd& fd, int depth) {
    if (depth > kMaxTreeDepth) throw_errno(ELOOP, "measure tree: too deep", "openat2");
    for (const DirectoryEntry& entry : read_directory(fd.get(), false)) add_entry(fd.get(), entry.name, depth);
  }

  void add(const struct stat& facts) {
    if (!S_ISDIR(facts.st_mode) && facts.st_nlink > 1 && !linked_.insert({facts.st_dev, facts.st_ino}).second) return;
    usage_.bytes += static_cast<std::uint64_t>(facts.st_blocks) * 512;
    ++usage_.inodes;
  }

  TreeUsage usage() const { return usage_; }

 private:
  void add_entry(int parent, const std::string& name, int depth) {
    struct stat facts = {};
    if (fstatat(parent, name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return;
      throw_errno("measure tree", "fstatat", name);
    }
    add(facts);
    if (!S_ISDIR(facts.st_mode)) return;
    const UniqueFd fd = open_directory_at(parent, name, true);
    if (fd) return add_directory(fd, depth + 1);
    if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP && errno != EXDEV) {
      throw_errno("measure tree", "openat2", name);
    }
  }

  TreeUsage usage_;
  std::set<std::pair<dev_t, ino_t>> linked_;
};

}  // namespace

TreeUsage measure_tree(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw_errno("measure tree", "open", path);
  struct stat facts = {};
  if (fstat(fd.get(), &facts) != 0) throw_errno("measure tree", "fstat", path);
  Measurement measurement;
  measurement.add(facts);
  measurement.add_directory(fd, 0);
  return measurement.usage();
}

}  // namespace tsc
