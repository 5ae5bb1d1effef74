// Walks source and target side by side, by directory fds; links are never followed.
#include "archive/tree-copy.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <vector>

#include "archive/directory.h"
#include "linux/error.h"

namespace tsc {
namespace {

constexpr std::size_t kCopyBytes = 1 << 30;  // for one copy_file_range call
constexpr char kOverlayPrefix[] = "trusted.overlay.";

std::string path_at(int parent, const std::string& leaf) {
  return "/proc/self/fd/" + std::to_string(parent) + "/" + leaf;
}

/// One entry: the same leaf beneath two open directories.
struct Pair {
  int from;
  int to;
  std::string leaf;
};

void copy_attributes(const Pair& pair) {
  const std::string from = path_at(pair.from, pair.leaf);
  const std::string to = path_at(pair.to, pair.leaf);
  const ssize_t room = llistxattr(from.c_str(), nullptr, 0);
  if (room <= 0) return;
  std::vector<char> names(static_cast<std::size_t>(room));
  const ssize_t length = llistxattr(from.c_str(), names.data(), names.size());
  std::vector<char> value(XATTR_SIZE_MAX);
  for (const char* name = names.data(); length > 0 && name < names.data() + length; name += strlen(name) + 1) {
    if (strncmp(name, kOverlayPrefix, sizeof kOverlayPrefix - 1) == 0) continue;
    const ssize_t size = lgetxattr(from.c_str(), name, value.data(), value.size());
    if (size < 0) throw_errno(std::string("read attribute ") + name, "lgetxattr", pair.leaf);
    // A target file system without such attributes is no error.
    if (lsetxattr(to.c_str(), name, value.data(), static_cast<std::size_t>(size), 0) != 0 && errno != EOPNOTSUPP) {
      throw_errno(std::string("set attribute ") + name, "lsetxattr", pair.leaf);
    }
  }
}

/// Owner first: chown(2) clears set-uid bits and security.capability.
void copy_facts(const Pair& pair, const struct stat& facts) {
  const char* leaf = pair.leaf.c_str();
  if (fchownat(pair.to, leaf, facts.st_uid, facts.st_gid, AT_SYMLINK_NOFOLLOW) != 0) {
    throw_errno("change owner", "fchownat", pair.leaf);
  }
  if (!S_ISLNK(facts.st_mode) && fchmodat(pair.to, leaf, facts.st_mode & 07777, 0) != 0) {
    throw_errno("change mode", "fchmodat", pair.leaf);
  }
  copy_attributes(pair);
}

void copy_times(const Pair& pair, const struct stat& facts) {
  const timespec times[2] = {facts.st_atim, facts.st_mtim};
  if (utimensat(pair.to, pair.leaf.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    throw_errno("set times", "utimensat", pair.leaf);
  }
}

/// copy_file_range shares blocks where the file system can (reflink); sendfile serves pairs that it refuses.
void copy_bytes(int from, int to, const std::string& leaf) {
  bool ranged = true;
  for (;;) {
    const ssize_t copied = ranged ? copy_file_range(from, nullptr, to, nullptr, kCopyBytes, 0)
                                  : sendfile(to, from, nullptr, kCopyBytes);
    if (copied == 0) return;
    if (copied > 0 || errno == EINTR) continue;
    if (ranged && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)) {
      ranged = false;
      continue;
    }
    throw_errno("copy", ranged ? "copy_file_range" : "sendfile", leaf);
  }
}

class TreeCopy {
 public:
  void copy_children(int from, int to, int depth) {
    if (depth > kMaxTreeDepth) throw_errno(ELOOP, "copy: too deep", "openat2");
    for (const DirectoryEntry& entry : read_directory(from, false)) copy_entry({from, to, entry.name}, depth);
  }

 private:
  void copy_entry(const Pair& pair, int depth) {
    struct stat facts = {};
    if (fstatat(pair.from, pair.leaf.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return;  // gone meanwhile
      throw_errno("look up", "fstatat", pair.leaf);
    }
    if (S_ISSOCK(facts.st_mode)) return;
    if (S_ISDIR(facts.st_mode)) return copy_directory(pair, facts, depth);
    if (facts.st_nlink > 1 && linked(pair, facts)) return;
    if (S_ISREG(facts.st_mode)) copy_file(pair);
    else if (S_ISLNK(facts.st_mode)) copy_link(pair);
    else if (mknodat(pair.to, pair.leaf.c_str(), facts.st_mode & (S_IFMT | 0600), facts.st_rdev) != 0) {
      throw_errno("create", "mknodat", pair.leaf);
    }
    copy_facts(pair, facts);
    copy_times(pair, facts);
    remember(pair, facts);
  }

  void copy_directory(const Pair& pair, const struct stat& facts, int depth) {
    if (mkdirat(pair.to, pair.leaf.c_str(), 0700) != 0 && errno != EEXIST) {
      throw_errno("make directory", "mkdirat", pair.leaf);
    }
    const UniqueFd from = open_directory_at(pair.from, pair.leaf, false);
    if (!from) throw_errno("open", "openat2", pair.leaf);
    const UniqueFd to = open_directory_at(pair.to, pair.leaf, false);
    if (!to) throw_errno(EEXIST, "open target", "openat2", pair.leaf);
    copy_children(from.get(), to.get(), depth + 1);
    copy_facts(pair, facts);
    copy_times(pair, facts);
  }

  void copy_file(const Pair& pair) {
    const UniqueFd from(::openat(pair.from, pair.leaf.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!from) throw_errno("open", "openat", pair.leaf);
    const UniqueFd to(
        ::openat(pair.to, pair.leaf.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!to) throw_errno("create", "openat", pair.leaf);
    copy_bytes(from.get(), to.get(), pair.leaf);
  }

  static void copy_link(const Pair& pair) {
    char target[PATH_MAX];
    const ssize_t length = readlinkat(pair.from, pair.leaf.c_str(), target, sizeof target - 1);
    if (length < 0) throw_errno("read link", "readlinkat", pair.leaf);
    target[length] = '\0';
    if (symlinkat(target, pair.to, pair.leaf.c_str()) != 0) throw_errno("create", "symlinkat", pair.leaf);
  }

  /// The first copy of a file with several links is kept open by path fd (bounded): its further names are linked to it.
  bool linked(const Pair& pair, const struct stat& facts) {
    const auto found = first_.find({facts.st_dev, facts.st_ino});
    if (found == first_.end()) return false;
    const std::string path = "/proc/self/fd/" + std::to_string(found->second.get());
    if (linkat(AT_FDCWD, path.c_str(), pair.to, pair.leaf.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      throw_errno("link", "linkat", pair.leaf);
    }
    return true;
  }

  void remember(const Pair& pair, const struct stat& facts) {
    if (facts.st_nlink < 2) return;
    if (first_.size() >= kKeptLinks) first_.clear();  // beyond, a name becomes a file of its own
    UniqueFd fd(::openat(pair.to, pair.leaf.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) throw_errno("open", "openat", pair.leaf);
    first_.emplace(std::pair(facts.st_dev, facts.st_ino), std::move(fd));
  }

  static constexpr std::size_t kKeptLinks = 512;
  std::map<std::pair<dev_t, ino_t>, UniqueFd> first_;
};

}  // namespace

void copy_tree(const std::string& source, const std::string& target) {
  try {
    const UniqueFd from(::open(source.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!from) throw_errno("open source", "open", source);
    if (mkdir(target.c_str(), 0700) != 0 && errno != EEXIST) throw_errno("make directory", "mkdir", target);
    const UniqueFd to(::open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!to) throw_errno("open target", "open", target);
    struct stat facts = {};
    if (fstat(from.get(), &facts) != 0) throw_errno("look up", "fstat", source);
    TreeCopy().copy_children(from.get(), to.get(), 0);
    copy_facts({from.get(), to.get(), "."}, facts);
    copy_times({from.get(), to.get(), "."}, facts);
  } catch (const RuntimeError& error) {
    throw error.within("copy " + source + " to " + target);
  }
}

}  // namespace tsc
