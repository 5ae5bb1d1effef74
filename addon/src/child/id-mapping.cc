// Idmapped mounts: see the header. mount_setattr(2), "ID-mapped mounts"
#include "child/id-mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tsc::child {
namespace {

/// Lives in a new user namespace until it is killed.
[[noreturn]] void hold_namespace() {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  for (;;) poll(nullptr, 0, -1);
}

bool write_map(pid_t pid, const char* file, const Text& map) {
  char path[64];
  format_number(path, "/proc/", pid, file);
  return write_file_at(AT_FDCWD, path, map.get());
}

/// A user namespace with the mount's mapping; its process is needed only until the namespace is open.
int make_namespace(const Mount& mount) {
  const pid_t pid =
      static_cast<pid_t>(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid == 0) hold_namespace();
  if (pid < 0) return -1;
  int fd = -1;
  if (write_map(pid, "/uid_map", mount.uid_map) && write_map(pid, "/gid_map", mount.gid_map)) {
    char path[64];
    format_number(path, "/proc/", pid, "/ns/user");
    fd = open(path, O_RDONLY | O_CLOEXEC);
  }
  const int saved = errno;
  kill(pid, SIGKILL);
  int status;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  errno = saved;
  return fd;
}

}  // namespace

bool set_id_mapping(Context& context, const Mount& mount) {
  const char* path = mount.id_namespace.get();
  const int namespace_fd = path != nullptr ? open(path, O_RDONLY | O_CLOEXEC) : make_namespace(mount);
  if (namespace_fd < 0) {
    record_failure(context, "open", path != nullptr ? path : "user namespace of the id mapping");
    return false;
  }
  mount_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<std::uint64_t>(namespace_fd);
  const unsigned flags = AT_EMPTY_PATH | (mount.is_idmap_recursive ? AT_RECURSIVE : 0);
  const bool is_done = syscall(SYS_mount_setattr, mount.tree_fd, "", flags, &attributes, sizeof attributes) == 0;
  if (!is_done) record_failure(context, "mount_setattr", mount.source.get());
  close(namespace_fd);
  return is_done;
}

}  // namespace tsc::child
