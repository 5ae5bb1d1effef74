// criu as a worker of ours: `criu swrk FD` on one end of a socket, requests and notifications in protocol buffers on the
// other. Used by checkpoint and restore. https://criu.org/RPC, criu images/rpc.proto
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "linux/protobuf.h"
#include "linux/unique-fd.h"

namespace tsc {

enum class CriuRequest { dump = 1, restore = 2, pre_dump = 4, notify = 6 };

/// criu asks or tells while it works: "post-dump", "setup-namespaces", "post-restore", "orphan-pts-master", ...
struct CriuNotification {
  std::string script;
  pid_t pid = 0;
  UniqueFd fd;  // with orphan-pts-master
};

struct CriuStart {
  std::string program = "criu";  // looked up in PATH when it has no slash
  /// Called in this process before the request is sent; takes criu's pid, to put it into its cgroups for instance.
  std::function<void(pid_t)> on_started = [](pid_t) {};
  /// Fds that criu gets as first, first + 1, ...: kCriuFirstFd on.
  std::vector<int> fds;
  /// Standard input, output and error are ours (restore: the container's); else /dev/null and a pipe for errors.
  bool keeps_stdio = false;
};

/// The first number of CriuStart::fds in criu.
constexpr int kCriuFirstFd = 4;

/// Runs one request to its end; the pid of the restored process, 0 otherwise. Throws RuntimeError when criu is not
/// there, breaks off, or says no. An exception of `on_notification` is told to criu, which undoes its work (a dumped
/// container goes on, a restored one is ended), and is then passed on. Safe in a process with many threads.
pid_t run_criu(const CriuStart& start, CriuRequest request, const ProtobufWriter& options,
               const std::function<void(CriuNotification&)>& on_notification);

}  // namespace tsc
