// openat2 RESOLVE_IN_ROOT beneath a directory or a detached mount.
#include "linux/root-files.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "linux/error.h"
#include "linux/unique-fd.h"

namespace tsc {
namespace {

/// By default without waiting: a FIFO under that name must not hold us up.
UniqueFd open_beneath(int root, const std::string& path, int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY,
                      __u64 resolve = RESOLVE_IN_ROOT) {
  open_how how = {};
  how.flags = static_cast<__u64>(flags) | O_CLOEXEC;
  how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long fd = syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    if (fd >= 0 || (errno != EINTR && errno != EAGAIN)) return UniqueFd(static_cast<int>(fd));
  }
}

std::optional<std::string> read_file(int root, const std::string& path, std::size_t max_bytes) {
  const UniqueFd fd = open_beneath(root, path);
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENXIO) return std::nullopt;
    throw_errno("read file", "openat2", path);
  }
  struct stat facts = {};
  if (fstat(fd.get(), &facts) != 0) throw_errno("read file", "fstat", path);
  if (!S_ISREG(facts.st_mode)) return std::nullopt;
  std::string text(std::min(max_bytes, static_cast<std::size_t>(facts.st_size)), '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + length, text.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno("read file", "read", path);
    if (got == 0) break;
    length += static_cast<std::size_t>(got);
  }
  text.resize(length);
  return text;
}

FileTexts read_all(int root, const std::vector<std::string>& paths, std::size_t max_bytes) {
  FileTexts texts;
  for (const std::string& path : paths) texts.push_back(read_file(root, path, max_bytes));
  return texts;
}

bool take_option(std::vector<std::string>& options, const std::string& key, std::string& value) {
  const auto found = std::find_if(options.begin(), options.end(), [&](const auto& o) { return o.starts_with(key); });
  if (found == options.end()) return false;
  value = found->substr(key.size());
  options.erase(found);
  return true;
}

HostMount read_only(HostMount mount) {
  std::string lower, upper, work;
  if (mount.type != "overlay" || !take_option(mount.options, "upperdir=", upper)) return mount;
  take_option(mount.options, "workdir=", work);
  take_option(mount.options, "lowerdir=", lower);
  mount.options.push_back("lowerdir=" + upper + ":" + lower);
  return mount;
}

}  // namespace

FileTexts read_files_in_root(const std::string& root, const std::vector<std::string>& paths, std::size_t max_bytes) {
  const UniqueFd fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw_errno("open root", "open", root);
  return read_all(fd.get(), paths, max_bytes);
}

std::optional<RootPlace> look_up_in_root(const std::string& root, const std::string& path) {
  const UniqueFd top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!top) throw_errno("open root", "open", root);
  const UniqueFd fd = open_beneath(top.get(), path.empty() ? "." : path, O_PATH | O_NOFOLLOW);
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG) return std::nullopt;
    throw_errno("look up", "openat2", path);
  }
  struct stat facts = {};
  if (fstat(fd.get(), &facts) != 0) throw_errno("look up", "fstat", path);
  RootPlace place = {facts.st_mode, static_cast<std::uint64_t>(facts.st_size), facts.st_mtim.tv_sec,
                     facts.st_mtim.tv_nsec, ""};
  if (S_ISLNK(facts.st_mode)) {
    char target[PATH_MAX];
    const ssize_t length = readlinkat(fd.get(), "", target, sizeof target);
    if (length < 0) throw_errno("read link", "readlinkat", path);
    place.link.assign(target, static_cast<std::size_t>(length));
  }
  return place;
}

void bind_beneath(const std::string& root, const std::string& path, const std::string& target) {
  const UniqueFd top(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!top) throw_errno("open root", "open", root);
  const UniqueFd source = open_beneath(top.get(), path, O_PATH, RESOLVE_BENEATH);
  if (!source) throw_errno("bind beneath " + root, "openat2", path);
  struct stat facts = {};
  if (fstat(source.get(), &facts) != 0) throw_errno("bind beneath " + root, "fstat", path);
  const bool is_directory = S_ISDIR(facts.st_mode);
  const UniqueFd tree(static_cast<int>(syscall(SYS_open_tree, source.get(), "",
                                               OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE)));
  if (!tree) throw_errno("bind beneath " + root, "open_tree", path);
  if (is_directory) {
    if (mkdir(target.c_str(), 0700) != 0) throw_errno("make mount point", "mkdir", target);
  } else {
    const UniqueFd made(::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!made) throw_errno("make mount point", "open", target);
  }
  if (syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    const int saved = errno;
    if (is_directory) rmdir(target.c_str());
    else unlink(target.c_str());
    errno = saved;
    throw_errno("bind beneath " + root, "move_mount", target);
  }
  if (mount(nullptr, target.c_str(), nullptr, MS_PRIVATE | MS_REC, nullptr) != 0) {
    const int saved = errno;
    umount2(target.c_str(), MNT_DETACH);
    if (is_directory) rmdir(target.c_str());
    else unlink(target.c_str());
    errno = saved;
    throw_errno("bind beneath " + root, "mount", target);
  }
}

FileTexts read_files_from_mounts(const std::vector<HostMount>& mounts, const std::vector<std::string>& paths,
                                 std::size_t max_bytes) {
  if (mounts.empty()) throw_invalid("read files from mounts", "there is no mount");
  const UniqueFd root = mount_detached(read_only(mounts.back()));
  return read_all(root.get(), paths, max_bytes);
}

}  // namespace tsc
