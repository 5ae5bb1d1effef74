// The mapping is a user namespace's; a process that holds a new one lives until the namespace is open. It is a bare clone
// that makes system calls only: this address space has other threads.
#include "linux/id-mapped-mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "linux/error.h"
#include "linux/file.h"
#include "linux/unique-fd.h"

namespace tsc {
namespace {

/// Ends with the thread that made it, at the latest.
[[noreturn]] void hold_namespace() {
  syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  for (;;) syscall(SYS_pause);
}

class NamespaceHolder {
 public:
  /// No signal at its end: Node's own children are none of ours, and it is none of Node's.
  NamespaceHolder()
      : pid_(static_cast<pid_t>(syscall(SYS_clone, CLONE_NEWUSER, nullptr, nullptr, nullptr, nullptr))) {
    if (pid_ == 0) hold_namespace();
    if (pid_ < 0) throw_errno("make user namespace", "clone");
  }
  ~NamespaceHolder() {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) {
    }
  }
  NamespaceHolder(const NamespaceHolder&) = delete;
  NamespaceHolder& operator=(const NamespaceHolder&) = delete;

  std::string at(const char* file) const { return "/proc/" + std::to_string(pid_) + "/" + file; }

 private:
  pid_t pid_;
};

UniqueFd open_namespace(const IdMaps& maps) {
  const NamespaceHolder holder;
  write_file("map user ids", holder.at("uid_map"), maps.uids);
  write_file("map group ids", holder.at("gid_map"), maps.gids);
  UniqueFd fd(::open(holder.at("ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw_errno("open user namespace", "open", holder.at("ns/user"));
  return fd;
}

UniqueFd mapped_tree(const std::string& source, const IdMaps& maps) {
  const UniqueFd mapping = open_namespace(maps);
  UniqueFd tree(static_cast<int>(
      syscall(SYS_open_tree, AT_FDCWD, source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree) throw_errno("clone mount", "open_tree", source);
  mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<__u64>(mapping.get());
  if (syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    throw_errno("map ids of mount", "mount_setattr", source);
  }
  return tree;
}

}  // namespace

void mount_id_mapped(const std::string& source, const std::string& target, const IdMaps& maps) {
  const UniqueFd tree = mapped_tree(source, maps);
  if (syscall(SYS_move_mount, tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    throw_errno("mount id-mapped", "move_mount", target);
  }
}

bool can_map_ids(const std::string& directory) {
  try {
    mapped_tree(directory, {"0 1 1\n", "0 1 1\n"});
    return true;
  } catch (const RuntimeError&) {
    return false;
  }
}

}  // namespace tsc
