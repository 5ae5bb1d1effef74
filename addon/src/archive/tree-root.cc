// Resolution beneath the root, with a small cache of parent directories: entries of a tar come directory by directory.
#include "archive/tree-root.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "archive/bad-archive.h"
#include "archive/lower-layers.h"
#include "archive/tree-removal.h"

namespace tsc {
namespace {

constexpr std::size_t kCachedDirectories = 64;
constexpr mode_t kImpliedMode = 0755;
/// An honest layer names its directories; memory for those that it implies is bounded.
constexpr std::size_t kMaxImplied = 1 << 17;

}  // namespace

SplitName split_name(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  if (slash == std::string::npos) return {"", name};
  return {name.substr(0, slash), name.substr(slash + 1)};
}

std::string clean_name(std::string_view name) {
  std::string clean;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (clean.empty()) throw BadArchive(std::string(name), "the name climbs out of the layer");
      clean = split_name(clean).parent;
      continue;
    }
    if (!clean.empty()) clean += '/';
    clean += part;
  }
  return clean;
}

TreeRoot::TreeRoot(const std::string& path, const std::vector<std::string>& parents)
    : root_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)), parents_(parents) {
  if (!root_) throw_errno("open target", "open", path);
}

UniqueFd TreeRoot::open_inside(const std::string& name) const {
  return UniqueFd(open_in_root(root_.get(), name, O_PATH | O_DIRECTORY));
}

UniqueFd TreeRoot::find_directory(const std::string& directory) const {
  UniqueFd fd = open_inside(directory);
  if (!fd && errno != ENOENT && errno != ENOTDIR && errno != ELOOP) throw_errno("open", "openat2", directory);
  return fd;
}

int TreeRoot::parent_fd(const std::string& directory) {
  if (directory.empty()) return root_.get();
  const auto cached = cache_.find(directory);
  if (cached != cache_.end()) return cached->second.get();
  UniqueFd fd = open_inside(directory);
  if (!fd && errno == ENOENT) {
    make_directory(directory);
    fd = open_inside(directory);
    if (!fd && errno == ENOENT) throw BadArchive(directory, "a parent is a symbolic link that leads nowhere");
  }
  if (!fd && (errno == ENOTDIR || errno == ELOOP)) throw BadArchive(directory, "a parent is not a directory");
  if (!fd && errno == ENAMETOOLONG) throw BadArchive(directory, "the name is too long");
  if (!fd) throw_errno("open", "openat2", directory);
  if (cache_.size() >= kCachedDirectories) cache_.clear();
  return cache_.emplace(directory, std::move(fd)).first->second.get();
}

void TreeRoot::make_directory(const std::string& name) {
  const SplitName split = split_name(name);
  const int parent = parent_fd(split.parent);
  if (mkdirat(parent, split.leaf.c_str(), kImpliedMode) != 0) {
    if (errno == EEXIST) return;
    if (errno == ENAMETOOLONG) throw BadArchive(name, "the name is too long");
    throw_errno("make directory", "mkdirat", name);
  }
  // Said outright, because mkdirat obeyed the process's umask.
  if (fchmodat(parent, split.leaf.c_str(), kImpliedMode, 0) != 0) throw_errno("change mode", "fchmodat", name);
  if (implied_.size() >= kMaxImplied) throw BadArchive(name, "too many directories that no entry names");
  implied_.push_back(name);
  take_after_parents(name);
}

// In an overlay's upper directory this one covers its counterpart below, whose owner and mode are to stay.
void TreeRoot::take_after_parents(const std::string& name) {
  const UniqueFd own(open_in_root(root_.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!own) return;
  struct stat facts = {};
  if (!parents_.find_directory(name, facts)) return;
  if (fchown(own.get(), facts.st_uid, facts.st_gid) != 0) throw_errno("change owner", "fchown", name);
  if (fchmod(own.get(), facts.st_mode & 07777) != 0) throw_errno("change mode", "fchmod", name);
}

void TreeRoot::remove(int parent, const std::string& leaf) {
  remove_tree_at(parent, leaf);
  // A cached directory may have been inside, or be reached through a link that is gone. `parent` may be cached too:
  // callers ask for it again.
  cache_.clear();
}

}  // namespace tsc
