// Depth-first removal. A directory that lies too deep is moved to the top first, so that fds and stack stay bounded.
#include "archive/tree-removal.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "archive/directory.h"
#include "archive/tree-root.h"
#include "linux/error.h"

namespace tsc {
namespace {

constexpr int kRemovalDepth = 64;

class Removal {
 public:
  void remove(int parent, const std::string& name) {
    // A file is the common case; EISDIR (Linux) says that it is a directory.
    if (unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return;
    if (errno != EISDIR && errno != EPERM) throw_errno("remove", "unlinkat", name);
    remove_directory(parent, name, 0);
  }

 private:
  void remove_directory(int parent, const std::string& name, int depth) {
    if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return;
    if (errno != ENOTEMPTY && errno != EEXIST) throw_errno("remove", "unlinkat", name);
    UniqueFd fd = open_directory_at(parent, name, true);
    if (!fd && errno == EXDEV) throw_errno(EBUSY, "remove", "openat2", name);
    if (!fd) throw_errno("remove", "openat2", name);
    if (depth == 0) top_ = fd.get();
    clear(fd.get(), depth);
    // What was moved up while the children were removed is removed as a child of the top.
    while (depth == 0 && moved_ != 0) {
      moved_ = 0;
      clear(fd.get(), depth);
    }
    if (unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) throw_errno("remove", "unlinkat", name);
  }

  void clear(int fd, int depth) {
    for (const DirectoryEntry& entry : read_directory(fd, false)) {
      if (entry.type != DT_DIR) {
        if (unlinkat(fd, entry.name.c_str(), 0) == 0 || errno == ENOENT) continue;
        if (entry.type != DT_UNKNOWN || errno != EISDIR) throw_errno("remove", "unlinkat", entry.name);
      }
      if (depth < kRemovalDepth) {
        remove_directory(fd, entry.name, depth + 1);
      } else {
        move_to_top(fd, entry.name);
      }
    }
  }

  void move_to_top(int fd, const std::string& name) {
    // A name that is taken, by an earlier removal that was cut short, is passed over.
    while (renameat2(fd, name.c_str(), top_, (".removing-" + std::to_string(serial_)).c_str(), RENAME_NOREPLACE) != 0) {
      if (errno != EEXIST) throw_errno("remove", "renameat2", name);
      ++serial_;
    }
    ++moved_;
  }

  int top_ = -1;
  unsigned moved_ = 0;
  unsigned long serial_ = 0;
};

}  // namespace

void remove_tree_at(int parent, const std::string& name) { Removal().remove(parent, name); }

void remove_tree_by_path(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  const SplitName split = split_name(end == std::string::npos ? "" : path.substr(0, end + 1));
  const UniqueFd parent(::open(split.parent.empty() ? "/" : split.parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent && (errno == ENOENT || errno == ENOTDIR)) return;
  if (!parent) throw_errno("remove", "open", split.parent);
  if (split.leaf.empty() || split.leaf == "." || split.leaf == "..") throw_invalid("remove", path + " names no entry");
  remove_tree_at(parent.get(), split.leaf);
}

}  // namespace tsc
