// Namespaces by path: see the header. ioctl_nsfs(2)
#include "runtime/joined-namespaces.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "linux/error.h"
#include "linux/file.h"

namespace tsc {
namespace {

struct Kind {
  std::uint64_t type;
  const char* word;      // in config.json
  const char* own_path;  // of this process
};

constexpr Kind kKinds[] = {{CLONE_NEWPID, "pid", "/proc/thread-self/ns/pid"},
                           {CLONE_NEWNET, "network", "/proc/thread-self/ns/net"},
                           {CLONE_NEWNS, "mount", "/proc/thread-self/ns/mnt"},
                           {CLONE_NEWIPC, "ipc", "/proc/thread-self/ns/ipc"},
                           {CLONE_NEWUTS, "uts", "/proc/thread-self/ns/uts"},
                           {CLONE_NEWUSER, "user", "/proc/thread-self/ns/user"},
                           {CLONE_NEWCGROUP, "cgroup", "/proc/thread-self/ns/cgroup"},
                           {CLONE_NEWTIME, "time", "/proc/thread-self/ns/time"}};

const Kind& kind_of(std::uint64_t type) {
  for (const Kind& kind : kKinds) {
    if (kind.type == type) return kind;
  }
  throw_invalid("parse config", "linux.namespaces: unknown type");
}

bool is_own(const UniqueFd& fd, const Kind& kind) {
  struct stat joined, own;
  return fstat(fd.get(), &joined) == 0 && stat(kind.own_path, &own) == 0 && joined.st_dev == own.st_dev &&
         joined.st_ino == own.st_ino;
}

UniqueFd open_namespace(const oci::Namespace& item, const Kind& kind) {
  // O_NONBLOCK: what lies at the path may be a FIFO.
  UniqueFd fd = try_open_file(item.path, O_RDONLY | O_NONBLOCK);
  if (!fd) {
    const int error = errno;
    throw RuntimeError("", "open namespace", "open", error, item.path, "")
        .advised(error == ENOENT ? "the namespace is gone: does its process still run?" : "");
  }
  const int type = ioctl(fd.get(), NS_GET_NSTYPE);
  if (type >= 0 && static_cast<std::uint64_t>(type) == item.type) return fd;
  throw_invalid("parse config", "linux.namespaces: " + item.path + " is no " + kind.word + " namespace");
}

}  // namespace

JoinedNamespaces open_joined_namespaces(oci::Config& config) {
  JoinedNamespaces joined;
  auto& namespaces = config.linux_.namespaces;
  for (auto item = namespaces.begin(); item != namespaces.end();) {
    if (item->path.empty()) {
      ++item;
      continue;
    }
    const Kind& kind = kind_of(item->type);
    UniqueFd fd = open_namespace(*item, kind);
    if (is_own(fd, kind)) {
      item = namespaces.erase(item);
    } else {
      joined[item->type] = std::move(fd);
      ++item;
    }
  }
  return joined;
}

}  // namespace tsc
